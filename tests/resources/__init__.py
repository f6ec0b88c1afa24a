"""Random resources over all fields, made by walking the CRD's schema: a new field of the models is among them by itself.

- `values.py` – what a random field gets: the one place with values, for fields whose pattern alone says too little.
- `drawing.py` – draws a whole `spec`, valid or not, with hypothesis.
- `repair.py` – changes what `parse` refuses until it is valid; on the way lies a resource with one mistake.
- `mistakes.py` – puts one wrong value into a valid resource.
- `nodes.py` – nodes on which every drawn resource can be planned.
- `effects.py` – changes one field alone, for tests that something follows from it.

`RESOURCES` in the environment says how many; `make resources` runs with 2,000.
"""

import os

COUNT = int(os.environ.get("RESOURCES", "0"))
"""How many resources the long form wants; 0: each test has a small number of its own."""
