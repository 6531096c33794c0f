#!/usr/bin/env python3
"""Runs the fuzz targets for a while and says what came of it; `./run fuzz` builds and calls it.

fuzz.py PROGRAM [--minutes M] [--target NAME]

The time is split over the targets. Inputs that reach new code are kept in build/fuzz-corpus/TARGET, findings in
build/fuzz-findings/TARGET. Ends with 1 when there is a finding: a crash, a broken property, more than 2 s on one
input, or more than 512 MB.
"""
import argparse
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.join(os.path.dirname(os.path.dirname(HERE)), 'build')
SECONDS_MAX = 2
MEGABYTES_MAX = 512
# The longest input a target tries. Larger ones find little and cost much.
INPUT_BYTES = {'header': 512, 'photo': 16384, 'store': 256, 'flow': 8192, 'schema': 8192}
INPUT_BYTES_OTHERWISE = 4096
# Shares of the time: an input of these is a whole store or platform, a hundred times the work of a parser.
SHARES = {'store': 4, 'apply': 4, 'platform': 4}
# By default ASan keeps 256 MB of freed memory aside, half of what a target may use in all.
SANITIZERS = {
    'ASAN_OPTIONS': 'quarantine_size_mb=32:detect_leaks=1:allocator_may_return_null=0',
    'UBSAN_OPTIONS': 'print_stacktrace=1',
}


def target_names():
    return sorted(os.listdir(os.path.join(HERE, 'seeds')))


def last(pattern, text, otherwise='0'):
    found = re.findall(pattern, text)
    return found[-1] if found else otherwise


def fuzz(program, target, seconds):
    """One row of the table, from libFuzzer's own last words."""
    corpus = os.path.join(BUILD, 'fuzz-corpus', target)
    findings = os.path.join(BUILD, 'fuzz-findings', target)
    os.makedirs(corpus, exist_ok=True)
    os.makedirs(findings, exist_ok=True)
    words = [program, f'--target={target}', corpus, os.path.join(HERE, 'seeds', target), f'-max_total_time={seconds}',
             f'-timeout={SECONDS_MAX}', f'-rss_limit_mb={MEGABYTES_MAX}', f'-artifact_prefix={findings}/',
             f'-max_len={INPUT_BYTES.get(target, INPUT_BYTES_OTHERWISE)}', '-print_final_stats=1']
    if target == 'photo':
        words.append('-dict=' + os.path.join(HERE, 'jpeg.dict'))
    elif target != 'store':
        words.append('-dict=' + os.path.join(HERE, 'json.dict'))
    begun = time.monotonic()
    done = subprocess.run(words, env={**os.environ, **SANITIZERS}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          check=False)
    took = time.monotonic() - begun
    text = done.stderr.decode('utf-8', 'replace')
    if done.returncode != 0:
        sys.stderr.write(f'== {target}\n' + '\n'.join(text.split('\n')[-60:]) + '\n')
    count = int(last(r'stat::number_of_executed_units: (\d+)', text, last(r'#(\d+)\t', text)))
    return {'target': target, 'count': count, 'rate': int(count / took), 'corpus': len(os.listdir(corpus)),
            'cov': last(r'cov: (\d+)', text), 'crashes': int(done.returncode != 0)}


def main():
    parser = argparse.ArgumentParser(prog='./run fuzz')
    parser.add_argument('program')
    parser.add_argument('--minutes', type=float, default=5, help='for all targets together')
    parser.add_argument('--target', choices=target_names(), help='only this one')
    asked = parser.parse_args()
    names = [asked.target] if asked.target else target_names()
    share = asked.minutes * 60 / sum(SHARES.get(name, 1) for name in names)
    rows = [fuzz(asked.program, name, max(1, int(share * SHARES.get(name, 1)))) for name in names]
    print(f'{"target":<10}{"executions":>12}{"a second":>10}{"corpus":>8}{"coverage":>10}{"crashes":>9}')
    for row in rows:
        print(f'{row["target"]:<10}{row["count"]:>12}{row["rate"]:>10}{row["corpus"]:>8}{row["cov"]:>10}'
              f'{row["crashes"]:>9}')
    crashes = sum(row['crashes'] for row in rows)
    print(f'crashes: {crashes}')
    return 1 if crashes else 0


if __name__ == '__main__':
    sys.exit(main())
