#!/usr/bin/env python3
"""sbom.py VERSION LIBRARY: the software bill of materials (SPDX 2.3, JSON) of a library on this machine: itself and each
library that it loads by name, with the version that is installed here. Goes to stdout."""
import datetime
import hashlib
import json
import re
import subprocess
import sys

# What this project links; licences as their authors state them.
LICENCES = {
    'libsqlcipher': ('SQLCipher', 'BSD-3-Clause'),
    'libsqlite3': ('SQLite', 'blessing'),
    'libcurl': ('curl', 'curl'),
    'libcrypto': ('OpenSSL', 'Apache-2.0'),
    'libjpeg': ('libjpeg-turbo', 'IJG AND BSD-3-Clause AND Zlib'),
    'libutf8proc': ('utf8proc', 'MIT'),
    'libz': ('zlib', 'Zlib'),
}
# Headers only: nothing of them is loaded.
COMPILED_IN = [('nlohmann-json', 'nlohmann_json', 'MIT', 'nlohmann-json3-dev'), ('valijson', 'valijson', 'BSD-2-Clause', 'libvalijson-dev')]


def output(*words):
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else ''


def installed_version(package):
    return output('dpkg-query', '-W', '-f=${Version}', package) or 'NOASSERTION'


def version_of(path):
    owner = output('dpkg', '-S', path) or output('dpkg', '-S', re.sub(r'^/lib', '/usr/lib', path))
    return installed_version(owner.split(':')[0]) if owner else 'NOASSERTION'


def needed(library):
    loaded = dict(re.findall(r'(\S+) => (\S+)', output('ldd', library)))
    for name in re.findall(r'NEEDED.*?\[(.+?)\]', output('readelf', '-d', library)):
        stem = name.split('.so')[0]
        key = next((k for k in LICENCES if stem == k or re.fullmatch(k + r'[-\d.]*', stem)), None)
        if key:
            title, licence = LICENCES[key]
            yield title, licence, version_of(loaded.get(name, name))


def package(name, version, licence):
    return {'SPDXID': 'SPDXRef-' + re.sub(r'[^A-Za-z0-9.-]', '-', name), 'name': name, 'versionInfo': version,
            'downloadLocation': 'NOASSERTION', 'filesAnalyzed': False, 'licenseConcluded': licence,
            'licenseDeclared': licence, 'copyrightText': 'NOASSERTION'}


def main():
    version, library = sys.argv[1:3]
    with open(library, 'rb') as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    ours = package('julu', version, 'Apache-2.0')
    ours['checksums'] = [{'algorithm': 'SHA256', 'checksumValue': digest}]
    parts = [package(title, v, licence) for title, licence, v in needed(library)]
    parts += [package(name, installed_version(debian), licence) for name, _, licence, debian in COMPILED_IN]
    links = [{'spdxElementId': 'SPDXRef-DOCUMENT', 'relationshipType': 'DESCRIBES', 'relatedSpdxElement': ours['SPDXID']}]
    links += [{'spdxElementId': ours['SPDXID'], 'relationshipType': 'DEPENDS_ON', 'relatedSpdxElement': p['SPDXID']} for p in parts]
    committed = int(output('git', 'log', '-1', '--format=%ct').strip() or 0)
    created = datetime.datetime.fromtimestamp(committed, datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    print(json.dumps({'spdxVersion': 'SPDX-2.3', 'dataLicense': 'CC0-1.0', 'SPDXID': 'SPDXRef-DOCUMENT', 'name': f'julu-{version}',
                      'documentNamespace': f'https://spdx.org/spdxdocs/julu-{version}-{digest[:16]}',
                      'creationInfo': {'created': created, 'creators': ['Tool: julu-sbom']},
                      'packages': [ours] + parts, 'relationships': links}, ensure_ascii=False, indent=1))


if __name__ == '__main__':
    main()
