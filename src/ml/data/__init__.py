"""The data of this project: cleaning, labels, the synthetic corpus."""
