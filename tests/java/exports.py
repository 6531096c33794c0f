"""exports.py LIBRARY: it exports julu.h's functions and JNI's two, and nothing else."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), '../../bindings/generate'))
import source  # noqa: E402

listed = subprocess.run(['nm', '-D', '--defined-only', sys.argv[1]], capture_output=True, text=True, check=True).stdout
exported = {line.split()[-1] for line in listed.splitlines()}
wanted = set(source.functions()) | {'JNI_OnLoad', 'JNI_OnUnload'}
for name in sorted(exported ^ wanted):
    print(name, 'is missing' if name in wanted else 'is too much')
sys.exit(1 if exported != wanted else 0)
