#!/usr/bin/env python3
"""exports.py LIBRARY HEADER: what the library exports is what julu.h declares, and JNI's own where there is any."""
import re
import subprocess
import sys

library, header = sys.argv[1:3]
with open(header, encoding='utf-8') as file:
    declared = set(re.findall(r'^JULU_API[^;]*?\b(julu_\w+)\(', file.read(), re.M))
listed = subprocess.run(['nm', '-D', '--defined-only', library], capture_output=True, text=True, check=True).stdout
exported = {line.split()[-1].split('@')[0] for line in listed.splitlines() if line.split()[-2] != 'A'}
exported -= {name for name in exported if name.startswith('JNI_')}
# A sanitizer's own, in its builds.
exported -= {name for name in exported if re.match(r'_?_(asan|ubsan|tsan|odr|sanitizer)', name)}
wrong = sorted(declared ^ exported)
for name in wrong:
    print(f'{name}: {"declared and not exported" if name in declared else "exported and not declared"}')
print(f'{len(declared)} functions')
sys.exit(1 if wrong or len(declared) < 40 else 0)
