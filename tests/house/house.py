#!/usr/bin/env python3
"""The rules of the house, checked on the text of the tree (README.md "The house").

house.py [ROOT]      prints each breach as file:line: reason, and ends with 1 when there is one
house.py --headers   compiles each header alone
house.py --self-test plants a breach of each rule in a small tree of its own and checks that it is found
"""
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = ('.cpp', '.h', '.c')
BRACED = SOURCE + ('.java', '.swift')
WRITTEN = BRACED + ('.py', '.sql', '.sh')
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
# What each folder may include of the tree: itself and these. The arrows of README.md, and core's rooms.
ROOMS = {
    'core/': (),
    'core/include/': (),
    'core/src/base/': ('core/include/',),
    'core/src/domain/': ('core/include/', 'core/src/base/'),
    'sync/': ('core/include/',),
    'bindings/': ('core/include/', 'sync/include/'),
    'bindings/jni/': ('bindings/c/include/',),
    'bindings/swift/': ('bindings/c/include/',),
    'examples/': ('core/include/', 'sync/include/', 'bindings/c/include/'),
}
HEADER_FOLDERS = ('core/include', 'sync/include', 'bindings/c/include', 'core/src', 'sync/src', 'examples/platform', 'tests/support',
                  'tests/sim', 'tests/integration', 'tests')
CHAPTERS = ('schema', 'core', 'sync', 'bindings', 'bindings/c', 'bindings/jni', 'bindings/swift', 'cmake', 'examples', 'examples/platform',
            'examples/desk', 'examples/c', 'examples/cpp', 'examples/java', 'examples/swift', 'tests', 'tests/conformance')


def files_of(root):
    for folder, names, files in os.walk(root):
        names[:] = sorted(n for n in names if n not in ('build', 'out', '.git', '.cache'))
        for name in sorted(files):
            path = os.path.relpath(os.path.join(folder, name), root)
            yield path.replace(os.sep, '/')


def read(root, path):
    with open(os.path.join(root, path), encoding='utf-8') as file:
        return file.read()


def meant(path, what, headers):
    """The headers of the tree that an include can mean: the one beside it, or all that end so."""
    beside = os.path.normpath(os.path.join(os.path.dirname(path), what[1:-1]))
    if what[0] == '"' and beside in headers:
        return [beside]
    return [h for h in headers if ('/' + h).endswith('/' + what[1:-1])]


def check_includes(path, number, line, headers):
    found = re.match(r'\s*#\s*include\s+([<"][^>"]+[>"])', line)
    if not found:
        return
    what = found.group(1)
    for header, allowed in KEPT_IN:
        if re.search(header, what) and not any(re.fullmatch(a, path) for a in allowed):
            yield number, f'{what} belongs in {allowed[0]} alone'
    if '/include/' in path and 'nlohmann' in what:
        yield number, 'no JSON library in a public header'
    candidates = meant(path, what, headers)
    for room, others in ROOMS.items():
        if path.startswith(room) and candidates and not any(c.startswith((room, *others)) for c in candidates):
            yield number, f'{room} may not know {candidates[0]}'


def check_line(path, number, line):
    if re.search(r'__ANDROID__|__APPLE__', line) and not path.startswith('bindings/'):
        yield number, 'platform switches belong in bindings/'
    if path.startswith(('core/', 'sync/', 'bindings/')) and 'AT_EACCESS' in line:
        yield number, "Android's libc refuses AT_EACCESS"
    if path.startswith(('core/', 'sync/', 'tests/')) and re.search(r'\bsleep_for\b|\busleep\s*\(|\bsleep_until\b', line):
        yield number, 'nobody sleeps: clocks are injected'
    if re.search(r'\bTODO\b(?!\()', line):
        yield number, 'a TODO needs its reason in parentheses'
    if re.search(r'(^|[\s"\'(=])/(work|home|root)/', line):
        yield number, 'a path of one machine'


TOKENS = re.compile(r'''R"(\w*)\(.*?\)\1"|"""(?:\\.|.)*?"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'|//[^\n]*|/\*.*?\*/''', re.S)
TYPE = r'\b(namespace|class|struct|enum|union|extern|interface|extension|protocol|actor)\b[^()]*$'


def without_texts(text):
    """The same lines without comments and what stands in quotes."""
    return TOKENS.sub(lambda token: '""' * (token[0][0] in 'R"') + '\n' * token[0].count('\n'), text)


def functions(text):
    """(first line, lines) of each function body: a brace that follows a parameter list at namespace or class depth."""
    starts, kinds, statement = [], [], ''
    for number, line in enumerate(without_texts(text).split('\n'), 1):
        for c in line:
            if c == '{':
                head = statement.strip()
                is_type = re.search(TYPE, head) or head == ''
                is_function = not is_type and ')' in head and not any(k == 'function' for k in kinds)
                kinds.append('function' if is_function else 'other')
                starts.append(number)
                statement = ''
            elif c == '}':
                if kinds:
                    kind, start = kinds.pop(), starts.pop()
                    if kind == 'function':
                        yield start, number - start + 1
                statement = ''
            elif c == ';':
                statement = ''
            else:
                statement += c
        statement += ' '


def shell_functions(text):
    """The same of a shell script: from "name() {" to the brace under its first letter."""
    start, indent = 0, ''
    for number, line in enumerate(text.split('\n'), 1):
        head = re.match(r'(\s*)(function\s+)?[\w-]+\s*\(\)\s*[{(]\s*$', line)
        if not start and head:
            start, indent = number, head.group(1)
        elif start and re.match(re.escape(indent) + r'[})]', line):
            yield start, number - start + 1
            start = 0


def is_shell(path, text):
    return path.endswith('.sh') or re.match(r'#!.*\b(ba)?sh\b', text) is not None


def check_text(path, text, headers):
    lines = text.split('\n')
    if len(lines) > LINES_MAX + 1:
        yield len(lines), f'{len(lines)} lines; {LINES_MAX} is the most'
    for number, line in enumerate(lines, 1):
        yield from check_line(path, number, line)
        if path.endswith(SOURCE):
            yield from check_includes(path, number, line, headers)
    found = functions(text) if path.endswith(BRACED) else shell_functions(text) if is_shell(path, text) else ()
    for start, size in found:
        if size > FUNCTION_LINES_MAX:
            yield start, f'a function of {size} lines; {FUNCTION_LINES_MAX} is the most'
    if path.startswith('sync/') and path.endswith(SOURCE) and re.search(r'\bSELECT\b|\bINSERT INTO\b', text):
        yield 1, 'no SQL in sync'


def check_tree(root):
    paths = list(files_of(root))
    headers = {p for p in paths if p.endswith('.h')}
    cmake = ''.join(read(root, p) for p in paths if p.endswith('CMakeLists.txt'))
    for path in paths:
        if path.endswith('_test.cpp') and not re.search(r'\b' + re.escape(os.path.basename(path)), cmake):
            yield path, 1, 'no CMakeLists.txt names this test'
        if path.endswith(('.orig', '.rej')):
            yield path, 1, 'left over from a merge'
        is_script = '.' not in os.path.basename(path) and os.access(os.path.join(root, path), os.X_OK)
        if (path.endswith(WRITTEN) or is_script) and not path.startswith('tests/house/'):
            for found in check_text(path, read(root, path), headers):
                yield (path, *found)
    for folder in CHAPTERS:
        if os.path.isdir(os.path.join(root, folder)) and not os.path.exists(os.path.join(root, folder, 'README.md')):
            yield folder, 1, 'no README.md'


def java_folders():
    """Where jni.h is, if this machine has a JDK."""
    javac = shutil.which('javac')
    folder = os.path.join(os.path.dirname(os.path.dirname(os.path.realpath(javac))), 'include') if javac else ''
    return [folder, os.path.join(folder, 'linux')] if os.path.exists(os.path.join(folder, 'jni.h')) else []


def check_headers(root):
    # Through ccache, where there is one: most headers are those of last time.
    compiler = ([shutil.which('ccache')] if shutil.which('ccache') else []) + [os.environ.get('CXX', 'c++')]
    folders = [os.path.join(root, p) for p in HEADER_FOLDERS] + java_folders()
    flags = ['-std=c++20', '-DJULU_SCHEMA_DIR=""', *(f'-I{p}' for p in folders)]  # a name that the build gives

    def look(path):
        with tempfile.TemporaryDirectory() as scratch:
            done = subprocess.run([*compiler, *flags, '-x', 'c++', '-c', os.path.join(root, path), '-o', os.path.join(scratch, 'o')],
                                  capture_output=True, text=True, check=False)
        why = next((line for line in done.stderr.split('\n') if 'error:' in line), done.stderr.strip())
        return [] if done.returncode == 0 else [(path, 1, 'not self-contained: ' + why)]

    paths = [p for p in files_of(root) if p.endswith('.h') and p.startswith(('core/', 'sync/', 'bindings/', 'examples/', 'tests/'))]
    if not java_folders():
        print('no JDK here: the headers of bindings/jni are left out', file=sys.stderr)
        paths = [p for p in paths if not p.startswith('bindings/jni/')]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(look, paths):
            yield from found


# A sound tree, to plant in.
SOUND = {
    'core/include/julu/store.h': '#pragma once\n#include <string>\nstruct Store { std::string text; };\n',
    'core/src/base/text.h': 'int text();\n',
    'core/src/domain/schema.h': '#include "base/text.h"\n',
    'core/src/store/core.h': '#include <julu/store.h>\n#include "domain/schema.h"\n',
    'sync/include/julu/syncer.h': '#include <julu/store.h>\n',
    'bindings/c/include/julu.h': 'int julu;\n',
    'bindings/c/src/handles.h': '#include <julu.h>\n#include <julu/syncer.h>\n',
    'examples/desk/form.h': '#include <julu.h>\n',
    'examples/platform/platform.h': '#include <julu/store.h>\n',
    'tests/support/county.h': '#include "platform.h"\n#include "store/core.h"\n',
    'run': '#!/usr/bin/env bash\nhelp() {\n  true\n}\n',
    **{folder + '/README.md': '' for folder in CHAPTERS},
}
LONG = '  a();\n' * 80
PLANTED = [
    ('core/src/domain/a.cpp', '#include <sqlite3.h>\n', 'belongs in'),
    ('core/src/domain/b.cpp', '#include "store/core.h"\n', 'core/src/domain/ may not know'),
    ('core/src/base/b.cpp', '#include "domain/schema.h"\n', 'core/src/base/ may not know'),
    ('core/src/base/c.cpp', '#include "../store/core.h"\n', 'core/src/base/ may not know'),
    ('core/include/julu/c.h', '#include "base/text.h"\n', 'core/include/ may not know'),
    ('core/src/store/c.cpp', '#include <julu/syncer.h>\n', 'core/ may not know sync'),
    ('core/src/store/d.cpp', '#include <julu.h>\n', 'core/ may not know bindings'),
    ('core/src/store/e.cpp', '#include "platform.h"\n', 'core/ may not know examples'),
    ('sync/src/a.cpp', '#include "store/core.h"\n', 'sync/ may not know core/src'),
    ('sync/src/b.cpp', '#include "../../core/src/base/text.h"\n', 'sync/ may not know core/src'),
    ('sync/src/c.cpp', '#include <julu.h>\n', 'sync/ may not know bindings'),
    ('sync/src/d.cpp', '#include "form.h"\n', 'sync/ may not know examples'),
    ('bindings/c/src/a.cpp', '#include "platform.h"\n', 'bindings/ may not know examples'),
    ('bindings/c/src/b.cpp', '#include "store/core.h"\n', 'bindings/ may not know core/src'),
    ('bindings/jni/src/a.cpp', '#include "handles.h"\n', 'bindings/jni/ may not know bindings/c/src'),
    ('bindings/swift/a.h', '#include "handles.h"\n', 'bindings/swift/ may not know bindings/c/src'),
    ('examples/desk/a.cpp', '#include "county.h"\n', 'examples/ may not know tests'),
    ('core/include/julu/d.h', '#include <nlohmann/json.hpp>\n', 'public header'),
    ('sync/src/e.cpp', 'const char* q = "SELECT 1";\n', 'no SQL'),
    ('core/src/base/f.cpp', '#ifdef __ANDROID__\n#endif\n', 'bindings/'),
    ('core/src/store/g.cpp', 'faccessat(AT_FDCWD, p, R_OK, AT_EACCESS);\n', "Android's libc"),
    ('tests/unit/g_test.cpp', 'int g;\n', 'names this test'),
    ('core/src/base/h.cpp', 'int h;\n' * 700, 'is the most'),
    ('tests/h.sh', 'true\n' * 700, 'is the most'),
    ('core/src/base/i.cpp', 'void f(int a) {\n' + LONG + '}\n', 'a function of'),
    ('examples/c/i.c', 'void f(int a) {\n' + LONG + '}\n', 'a function of'),
    ('examples/java/I.java', 'class I {\n  void f() throws E {  /* } */\n' + LONG + '}\n}\n', 'a function of'),
    ('bindings/swift/i.swift', 'extension I: P {\n  func f() async -> Int {\n' + LONG + '}\n}\n', 'a function of'),
    ('tests/i.sh', 'f() {\n' + LONG + '}\n', 'a function of'),
    ('run', '#!/usr/bin/env bash\nmain() {\n' + LONG + '}\n', 'a function of'),
    ('tests/unit/j.cpp', 'std::this_thread::sleep_for(x);\n', 'nobody sleeps'),
    ('core/src/base/k.cpp', '// TODO later\n', 'its reason'),
    ('tests/l.sh', 'cd /' + 'home/me\n', 'a path of one machine'),
    ('bindings/README.md', None, 'no README.md'),
]
PLANTED_HEADER = ('examples/desk/m.h', 'std::string m();\n', 'not self-contained')


def plant(root, path, text):
    path = os.path.join(root, path)
    if text is None:
        os.remove(path)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, 'w', encoding='utf-8') as file:
        file.write(text)
    os.chmod(path, 0o755)


def is_found(check, planted):
    """True when exactly the planted breach is found; without one, when nothing is."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in SOUND.items():
            plant(root, path, text)
        if planted:
            plant(root, *planted[:2])
        found = list(check(root))
    return not found if not planted else any(planted[2] in f[2] for f in found) and all(f[0] in planted[0] for f in found)


def self_test():
    cases = [(check_tree, None), *((check_tree, p) for p in PLANTED), (check_headers, None), (check_headers, PLANTED_HEADER)]
    failed = 0
    for check, planted in cases:
        if not is_found(check, planted):
            print(f'{planted[0]}: planted, not found: {planted[2]}' if planted else f'{check.__name__}: a sound tree, yet something is found')
            failed += 1
    print(f'{len(cases) - failed} passed, {failed} failed')
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
