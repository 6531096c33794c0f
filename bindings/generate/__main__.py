"""python3 bindings/generate [--check]: writes what the faces share with the core; --check only compares, handwritten numbers too."""
import importlib
import os
import sys

import numbers_by_hand
import source

FACES = ('c', 'java', 'swift')


def main():
    files = {}
    for face in FACES:
        files.update(importlib.import_module(face).files())
    stale = []
    for path, text in files.items():
        full = os.path.join(source.ROOT, path)
        there = open(full, encoding='utf-8').read() if os.path.exists(full) else None
        if there == text:
            continue
        stale.append(path)
        if '--check' not in sys.argv[1:]:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, 'w', encoding='utf-8') as file:
                file.write(text)
    for path in stale:
        print(f'{path} is not what its source says: run python3 bindings/generate' if '--check' in sys.argv[1:] else path)
    for line in numbers_by_hand.differences():
        print(line)
        stale.append(line)
    return 1 if stale and '--check' in sys.argv[1:] else 0


if __name__ == '__main__':
    sys.exit(main())
