"""What the faces are generated from: the error codes, the functions of julu.h and the record schemas."""
import json
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(path):
    with open(os.path.join(ROOT, path), encoding='utf-8') as file:
        return file.read()


def error_codes():
    """[(name, number, what it means)] in the order of core/include/julu/error.h."""
    body = re.search(r'enum class ErrorCode[^{]*\{(.*?)\n\};', read('core/include/julu/error.h'), re.S).group(1)
    rows = re.findall(r'^\s+(\w+) = (\d+),(?:\s*///< (.*))?$', body, re.M)
    return [(name, int(number), meaning) for name, number, meaning in rows]


def functions():
    """Names of what julu.h declares, in order."""
    return re.findall(r'^JULU_API[^;]*?\b(julu_\w+)\(', read('bindings/c/include/julu.h'), re.M)


def records():
    """[(kind, schema)] of schema/records, sorted."""
    folder = os.path.join(ROOT, 'schema/records')
    names = sorted(name for name in os.listdir(folder) if name.endswith('.schema.json'))
    return [(name[:-len('.schema.json')], json.loads(read('schema/records/' + name))) for name in names]
