#!/usr/bin/env python3
"""contents.py PREFIX BINDINGS: the bill of materials says what is there, the library exports what its header declares and
is no larger than a phone is asked to take, and the jar and the Swift package are whole."""
import hashlib
import json
import os
import re
import sys
import zipfile

LIBRARY_BYTES_MAX = 2_500_000


def fail(what):
    sys.exit(f'contents: {what}')


def check_sbom(prefix, library):
    with open(f'{prefix}/julu.spdx.json', encoding='utf-8') as file:
        sbom = json.load(file)
    ours = next(p for p in sbom['packages'] if p['name'] == 'julu')
    with open(library, 'rb') as file:
        if ours['checksums'][0]['checksumValue'] != hashlib.sha256(file.read()).hexdigest():
            fail('the bill of materials is of another library')
    names = {p['name'] for p in sbom['packages']}
    if not {'curl', 'OpenSSL', 'libjpeg-turbo', 'utf8proc'} <= names or not names & {'SQLCipher', 'SQLite'}:
        fail(f'the bill of materials lacks some of what is loaded: {sorted(names)}')
    if any(p.get('versionInfo', '') in ('', 'NOASSERTION') for p in sbom['packages']):
        fail('the bill of materials has a part without a version')
    ids = {p['SPDXID'] for p in sbom['packages']} | {'SPDXRef-DOCUMENT'}
    if len(ids) != len(sbom['packages']) + 1:
        fail('two parts of the bill of materials have one name')
    for link in sbom['relationships']:
        if not {link['spdxElementId'], link['relatedSpdxElement']} <= ids:
            fail('the bill of materials relates what it does not name')


def check_exports(prefix, bindings):
    with open(f'{bindings}/c/include/julu.h', encoding='utf-8') as file:
        header = re.sub(r'/\*.*?\*/', '', file.read(), flags=re.S)
    declared = sorted(re.findall(r'^JULU_API [^;(]*?\b(julu_\w+)\(', header, flags=re.M))
    with open(f'{prefix}/exported-symbols.txt', encoding='utf-8') as file:
        exported = file.read().split()
    if exported != declared:
        fail(f'exported and declared differ: {set(exported) ^ set(declared)}')


def check_faces(prefix, bindings):
    jars = [os.path.join(folder, name) for folder, _, names in os.walk(prefix) for name in names if name.endswith('.jar')]
    inside = {name for jar in jars for name in zipfile.ZipFile(jar).namelist()}
    for needed in ('cn/julu/core/JuluStore.class', 'META-INF/proguard/julu.pro'):
        if needed not in inside:
            fail(f'no {needed} in the jar')
    if not any(name.endswith('libjulu_jni.so') for name in inside):
        fail('no library in the jar')
    for name in ('Package.swift', 'Sources/Julu/JuluStore.swift', 'Sources/Julu/PrivacyInfo.xcprivacy'):
        if not os.path.exists(f'{bindings}/swift/{name}') or not os.path.exists(f'{prefix}/share/julu-swift/{name}'):
            fail(f'no {name} in the Swift package')


def main():
    prefix, bindings = sys.argv[1:3]
    library = os.path.realpath(f'{prefix}/lib/libjulu.so')
    if os.path.getsize(library) > LIBRARY_BYTES_MAX:
        fail(f'libjulu.so has {os.path.getsize(library)} bytes')
    check_sbom(prefix, library)
    check_exports(prefix, bindings)
    check_faces(prefix, bindings)


main()
