#!/usr/bin/env python3
"""Each block of code in the READMEs of the root stands word for word, but for its indentation, in the example of its
language, which the tests build and run. A blank line or one of "…" parts what need not be neighbours."""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = {
    'cpp': 'examples/cpp/main.cpp',
    'c': 'examples/c/main.c',
    'java': 'examples/java',
    'swift': 'examples/swift',
}


def lines_of(text):
    """Without indentation and comments: those are in the reader's language."""
    lines = [line.strip() for line in text.split('\n')]
    bare = [re.sub(r'\s*(//|/\*)(?!").*$', '', line) if not re.search(r'"[^"]*//', line) else line for line in lines]
    return [b for b, line in zip(bare, lines) if b or not line or line == '…']


def example(language):
    path = os.path.join(ROOT, EXAMPLES[language])
    if os.path.isfile(path):
        return lines_of(open(path, encoding='utf-8').read())
    for folder, _, names in os.walk(path):
        for name in sorted(names):
            if name.endswith('.' + language) and name not in ('Package.swift',) and '.build' not in folder:
                return lines_of(open(os.path.join(folder, name), encoding='utf-8').read())
    return []


def is_short(language):
    """An example does the main job in under 100 lines."""
    path = os.path.join(ROOT, EXAMPLES[language])
    files = [path] if os.path.isfile(path) else [
        os.path.join(folder, name) for folder, _, names in os.walk(path) if '.build' not in folder
        for name in names if name.endswith('.' + language) and name != 'Package.swift']
    return bool(files) and sum(len(open(file, encoding='utf-8').readlines()) for file in files) < 100


def runs(block):
    run = []
    for line in lines_of(block):
        if line in ('', '…'):
            if run:
                yield run
            run = []
        else:
            run.append(line)
    if run:
        yield run


def stands(run, lines):
    lines = [line for line in lines if line]
    return any(lines[i:i + len(run)] == run for i in range(len(lines) - len(run) + 1))


def main():
    wrong, seen = 0, set()
    for readme in ('README.md', 'README.zh-CN.md'):
        text = open(os.path.join(ROOT, readme), encoding='utf-8').read()
        for language, block in re.findall(r'^```(\w+)\n(.*?)^```', text, re.M | re.S):
            if language not in EXAMPLES:
                continue
            seen.add((readme, language))
            lines = example(language)
            for run in runs(block):
                if not stands(run, lines):
                    print(f'{readme}: not in {EXAMPLES[language]}: {run[0]}')
                    wrong += 1
    for language in EXAMPLES:
        if not is_short(language):
            print(f'{EXAMPLES[language]}: not under 100 lines')
            wrong += 1
    if len(seen) != 2 * len(EXAMPLES):
        print(f'the two READMEs do not both show {", ".join(sorted(EXAMPLES))}')
        wrong += 1
    return 1 if wrong else 0


if __name__ == '__main__':
    sys.exit(main())
