#!/usr/bin/env python3
"""keep_rules.py LOAD_CPP RULES: what native code looks up by name, the rules for an app's shrinker keep."""
import re
import sys

PACKAGE = 'cn/julu/core/'


def looked_up(source):
    """Class → the members that are asked for."""
    classes, names = {}, {}
    for holder, name in re.findall(r'(?:jclass )?(known\.\w+|\w+) = in\.(?:keep|find)\("([^"]+)"\)', source):
        names[holder] = name
    for name in re.findall(r'in\.(?:keep|find)\("([^"]+)"\)', source):
        classes.setdefault(name, set())
    for holder, member in re.findall(r'in\.(?:method|static_method|field)\(\s*(.+?),\s*"([^"]+)",', source, re.S):
        direct = re.search(r'in\.find\("([^"]+)"\)', holder)
        classes[direct.group(1) if direct else names[holder]].add(member)
    return {name: members for name, members in classes.items() if name.startswith(PACKAGE)}


def main():
    source, rules = (open(path, encoding='utf-8').read() for path in sys.argv[1:3])
    kept = re.findall(r'^-keep class (\S+) \{ (.*) \}$', rules, re.M)
    wanted = looked_up(source)
    missing = []
    for name, members in sorted(wanted.items()):
        dotted = name.replace('/', '.')
        bodies = [body for pattern, body in kept
                  if re.fullmatch(re.escape(pattern).replace(r'\*', '.*'), dotted)]
        for member in members or {''}:
            if not any(body == '*;' or member in body for body in bodies):
                missing.append(f'{dotted} {member}')
    for one in missing:
        print(f'not kept: {one}')
    if len(wanted) < 5:
        print('this script no longer understands how native code looks things up')
    return 1 if missing or len(wanted) < 5 else 0


if __name__ == '__main__':
    sys.exit(main())
