#!/usr/bin/env python3
"""The rules of the house, checked on the text of the tree (design.md "The house").

house.py [ROOT]      prints each breach as file:line: reason, and ends with 1 when there is one
house.py --headers   compiles each header alone
house.py --self-test plants a breach of each rule in a copy and checks that it is found
"""
import os
import re
import subprocess
import sys
import tempfile

SOURCE = ('.cpp', '.h')
WRITTEN = SOURCE + ('.py', '.sql', '.java', '.swift')
LINES_MAX = 600
FUNCTION_LINES_MAX = 70

# A header of somebody else's, and the only files that may include it.
KEPT_IN = [
    (r'sqlite3\.h', [r'core/src/store/sqlite\.(h|cpp)', r'examples/platform/database\.cpp', r'tests/support/(county|sim_disk)\.cpp']),
    (r'curl/', [r'sync/src/curl_transport\.cpp', r'tests/bench/.*']),
    (r'openssl/', [r'core/src/base/crypto\.(h|cpp)', r'examples/platform/crypto\.cpp', r'tests/support/[^/]*\.cpp']),
    (r'jpeglib\.h', [r'core/src/domain/image\.(h|cpp)', r'tests/support/.*', r'tests/unit/.*']),
    (r'valijson/', [r'core/src/domain/schema\.cpp']),
    (r'httplib\.h', [r'examples/platform/http_main\.cpp', r'tests/bench/.*']),
]
# What a folder may include of the others, by the beginning of the include.
ROOMS = {
    'core/src/base/': r'"(domain|store)/',
    'core/src/domain/': r'"store/',
}
SYNC_HEADERS = r'<julu/(enrol|syncer|transport)\.h>'
SYNC_MAY = r'<julu/(?!store\.h)'


def files_of(root):
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in ('build', 'out', '.git', '.cache'))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            yield path.replace(os.sep, '/')


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as file:
        return file.read()


def check_includes(path, number, line):
    found = re.match(r'\s*#\s*include\s+([<"][^>"]+[>"])', line)
    if not found:
        return
    what = found.group(1)
    for header, allowed in KEPT_IN:
        if re.search(header, what) and not any(re.fullmatch(a, path) for a in allowed):
            yield number, f'{what} belongs in {allowed[0]} alone'
    for room, forbidden in ROOMS.items():
        if path.startswith(room) and re.match(forbidden, what):
            yield number, f'{room} may not know {what}'
    if path.startswith('core/') and re.match(SYNC_HEADERS, what):
        yield number, f'core may not know sync: {what}'
    if '/include/' in path and 'nlohmann' in what:
        yield number, 'no JSON library in a public header'
    if path.startswith(('core/', 'sync/')) and re.search(r'platform\.h|desk/', what):
        yield number, f'a library may not know an example: {what}'


def check_line(path, number, line):
    if re.search(r'__ANDROID__|__APPLE__', line) and not path.startswith('bindings/'):
        yield number, 'platform switches belong in bindings/'
    if path.startswith(('core/', 'sync/', 'tests/')) and re.search(r'\bsleep_for\b|\busleep\s*\(|\bsleep_until\b', line):
        yield number, 'nobody sleeps: clocks are injected'
    if re.search(r'\bTODO\b(?!\()', line):
        yield number, 'a TODO needs its reason in parentheses'
    if re.search(r'(^|[\s"\'(=])/(work|home|root)/', line):
        yield number, 'a path of one machine'


def strip(line):
    line = re.sub(r'R"\((.*?)\)"', '""', line)
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    line = re.sub(r"'(\\.|[^'\\])'", "' '", line)
    return re.sub(r'//.*', '', line)


def functions(text):
    """(first line, lines) of each function body: a brace that follows a parameter list at namespace or class depth."""
    depth, starts, kinds, statement = 0, [], [], ''
    for number, line in enumerate(text.split('\n'), 1):
        for c in strip(line):
            if c == '{':
                head = statement.strip()
                is_type = re.search(r'\b(namespace|class|struct|enum|union|extern)\b[^()]*$', head) or head == ''
                is_function = not is_type and ')' in head and not any(k == 'function' for k in kinds)
                kinds.append('function' if is_function else 'other')
                starts.append(number)
                depth += 1
                statement = ''
            elif c == '}':
                if kinds:
                    kind, start = kinds.pop(), starts.pop()
                    if kind == 'function':
                        yield start, number - start + 1
                depth -= 1
                statement = ''
            elif c == ';':
                statement = ''
            else:
                statement += c
        statement += ' '


def check_tree(root):
    paths = list(files_of(root))
    cmake = ''.join(read(root, p) for p in paths if p.endswith('CMakeLists.txt'))
    for path in paths:
        if path.endswith('_test.cpp') and not re.search(r'\b' + re.escape(os.path.basename(path)), cmake):
            yield path, 1, 'no CMakeLists.txt names this test'
        if not path.endswith(WRITTEN) or path.startswith('tests/house/'):
            continue
        text = read(root, path)
        lines = text.split('\n')
        if len(lines) > LINES_MAX + 1:
            yield path, len(lines), f'{len(lines)} lines; {LINES_MAX} is the most'
        for number, line in enumerate(lines, 1):
            for found in check_line(path, number, line):
                yield (path, *found)
            if path.endswith(SOURCE):
                for found in check_includes(path, number, line):
                    yield (path, *found)
        if path.endswith(SOURCE):
            for start, size in functions(text):
                if size > FUNCTION_LINES_MAX:
                    yield path, start, f'a function of {size} lines; {FUNCTION_LINES_MAX} is the most'
        if path.startswith('sync/') and path.endswith(SOURCE) and re.search(r'\bSELECT\b|\bINSERT INTO\b', text):
            yield path, 1, 'no SQL in sync'
    for folder in ('schema', 'core', 'sync', 'examples', 'examples/platform', 'examples/desk', 'tests'):
        if os.path.isdir(os.path.join(root, folder)) and not os.path.exists(os.path.join(root, folder, 'README.md')):
            yield folder, 1, 'no README.md'


def check_headers(root):
    compiler = os.environ.get('CXX', 'c++')
    includes = [f'-I{root}/{p}' for p in ('core/include', 'sync/include', 'core/src', 'sync/src', 'examples/platform',
                                          'tests/support')]
    for path in files_of(root):
        if path.endswith('.h') and path.startswith(('core/', 'sync/')):
            done = subprocess.run([compiler, '-std=c++20', '-fsyntax-only', '-x', 'c++', *includes, os.path.join(root, path)],
                                  capture_output=True, text=True, check=False)
            if done.returncode != 0:
                yield path, 1, 'not self-contained: ' + done.stderr.strip().split('\n')[0]


PLANTED = [
    ('core/src/domain/a.cpp', '#include <sqlite3.h>\n', 'belongs in'),
    ('core/src/domain/b.cpp', '#include "store/core.h"\n', 'may not know'),
    ('core/src/store/c.cpp', '#include <julu/syncer.h>\n', 'may not know sync'),
    ('core/include/julu/d.h', '#include <nlohmann/json.hpp>\n', 'public header'),
    ('sync/src/e.cpp', 'const char* q = "SELECT 1";\n', 'no SQL'),
    ('core/src/base/f.cpp', '#ifdef __ANDROID__\n#endif\n', 'bindings/'),
    ('tests/unit/g_test.cpp', 'int g;\n', 'names this test'),
    ('core/src/base/h.cpp', 'int h;\n' * 700, 'is the most'),
    ('core/src/base/i.cpp', 'void f(int a) {\n' + '  a++;\n' * 80 + '}\n', 'a function of'),
    ('tests/unit/j.cpp', 'std::this_thread::sleep_for(x);\n', 'nobody sleeps'),
    ('core/src/base/k.cpp', '// TODO later\n', 'its reason'),
]


def self_test():
    failed = 0
    for path, text, reason in PLANTED:
        with tempfile.TemporaryDirectory() as root:
            os.makedirs(os.path.join(root, os.path.dirname(path)))
            with open(os.path.join(root, path), 'w', encoding='utf-8') as file:
                file.write(text)
            if not any(reason in found[2] for found in check_tree(root)):
                print(f'{path}: planted, not found: {reason}')
                failed += 1
    print(f'{len(PLANTED) - failed} passed, {failed} failed')
    return failed


def main():
    if sys.argv[1:] == ['--self-test']:
        return 1 if self_test() else 0
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    check = check_headers if sys.argv[1:] == ['--headers'] else check_tree
    found = sorted(check(root))
    for path, number, reason in found:
        print(f'{path}:{number}: {reason}')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
