"""Compare scanning a project of 500 files with parsing them alone: processor time."""

import tempfile
import time
from functools import partial
from pathlib import Path

import tree_sitter_typescript
from tree_sitter import Language, Parser

from console.lib.scanning.files import Folder
from console.lib.scanning.project import scan
from envvars_app.buildspec.uses import uses_in_build
from tests.soak.bench.measure import Subject, table

FILES = 500
PART = """\
import { useState } from 'react';
export interface Item%(n)d { id: string; name: string; tags?: string[]; price: number }
export function List%(n)d({ items, onSelect }: { items: Item%(n)d[]; onSelect?: (id: string) => void }) {
  const [open, setOpen] = useState(false);
  const url = `${process.env.NEXT_PUBLIC_URL_%(n)d}/items/${items.length}`;
  const sorted = [...items].sort((a, b) => a.name.localeCompare(b.name)).filter((it) => it.price > 0);
  return (
    <section className="list">
      {sorted.map((item) => (
        <button key={item.id} onClick={() => { setOpen(!open); onSelect?.(item.id); }} disabled={!item.price}>
          <a href={url} title={item.name}>{item.name.toUpperCase()}</a>{open ? <em>{item.price.toFixed(2)}</em> : null}
        </button>
      ))}
    </section>
  );
}
"""  # noqa: E501 - as long as lines of such files are


def compare() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(FILES):
            text = "".join(PART % {"n": number * 4 + part} for part in range(4))
            (folder / f"part{number}.tsx").write_text(text)
        subjects = [
            Subject(f"{FILES} files, parsed by tree-sitter", partial(parse, folder)),
            Subject("our scan", partial(run, folder)),
        ]
        table("Code of a project", subjects, time.process_time, rounds=3, block=1)


def parse(folder: Path) -> None:
    """Parse the files."""
    parser = Parser(Language(tree_sitter_typescript.language_tsx()))
    for path in folder.iterdir():
        parser.parse(path.read_bytes())


def run(folder: Path) -> None:
    """Scan the folder."""
    project = scan(Folder(folder), uses_in_build)
    assert len(project.uses) == FILES * 4
