"""The README's pictures, made from what the project makes: `python -m tests.pictures`, or `make pictures`.

A lecture's figure is taken from the lecture's stored output.
"""

import base64
import sys
from pathlib import Path

from autograde import cells, course

FIGURES = {"regimes.png": ("01_quadratics", "regimes-figure")}
FOLDER = course.ROOT / "lectures" / "figures"


def figure(topic: str, cell_id: str) -> bytes:
    """The PNG that cell `cell_id` of a topic's lecture shows."""
    notebook = cells.read(course.find_topic(topic).lecture)
    for cell in notebook.cells:
        if cell.id == cell_id:
            return next(base64.b64decode(output.data["image/png"]) for output in cell.outputs if "image/png" in output.get("data", {}))
    raise ValueError(f"lecture {topic} has no cell {cell_id}")


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for name, source in FIGURES.items():
        Path(FOLDER / name).write_bytes(figure(*source))
        print(f"{name}: from lecture {source[0]}, {source[1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
