"""FastAPI with ONNX Runtime, as lean as it is commonly written.

Run: SERVING=<folder> uvicorn fastapi_onnx:app --workers 2
"""

from fastapi import FastAPI
from onnx_model import Model
from pydantic import BaseModel

app = FastAPI()
model = Model()


class Text(BaseModel):
    """The body of a request."""

    text: str


@app.post("/predict")
async def predict(body: Text) -> dict[str, object]:
    """Answer on the event loop: a thread for each request costs more than it gains."""
    return model.predict([body.text])[0]
