"""Save a model in MLflow's transformers flavor, for `mlflow models serve`.

Run: python mlflow_model.py <folder of the model> <folder to write>
"""

import sys

import mlflow
from transformers import pipeline


def save(model: str, folder: str) -> None:
    """Save it with the signature that MLflow infers from an example."""
    classify = pipeline("text-classification", model=model)
    signature = mlflow.models.infer_signature(["A text."], [{"label": "positive", "score": 0.5}])
    mlflow.transformers.save_model(
        classify, folder, task="text-classification", signature=signature, pip_requirements=[]
    )


if __name__ == "__main__":
    save(*sys.argv[1:])
