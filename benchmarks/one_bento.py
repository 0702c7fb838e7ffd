"""Build the Bento of the model in the current folder; serving_inputs.py starts it.

`make package` builds registered versions: what is measured here needs no registry.

Run: python benchmarks/one_bento.py
"""

from ml import package, payload

if __name__ == "__main__":
    payload.lay_out()
    tag, _ = package.build(payload.FOLDER)
    print(tag)
