"""Build the Bento of the model in the current folder; serving_inputs.py starts it.

`make package` builds registered versions: what is measured here needs no registry.

Run: python benchmarks/one_bento.py
"""

from mlops.release import package
from mlops.release.versions import bundle

if __name__ == "__main__":
    bundle.lay_out()
    tag, _ = package.build(bundle.FOLDER)
    print(tag)
