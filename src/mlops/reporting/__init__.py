"""The evaluation as plots, HTML report and model card."""
