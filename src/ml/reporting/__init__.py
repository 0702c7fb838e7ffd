"""The judgement as plots, page and model card."""
