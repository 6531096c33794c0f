#!/usr/bin/env python3
"""./run sim --mutants: each planted bug (core/include/julu/mutant.h), one at a time, against the proof.

mutants.py SIM CRASH [--seeds N] [--only NAME[,NAME…]]
Prints by what each was caught: the first seed of the simulator, one with damaged files, else a scenario of the power cuts. Ends with 1 when one lives.
"""
import argparse
import concurrent.futures
import re
import subprocess
import sys

ABORTS = {-6: 'aborts', -11: 'crashes'}  # an exit status of another kind is this runner's fault, not the proof's
SECONDS_MAX = 1800  # of one program; a run without end counts as caught: nobody could use it


def run(program, *words):
    try:
        done = subprocess.run([program, *words], capture_output=True, text=True, errors='replace', timeout=SECONDS_MAX, check=False)
    except subprocess.TimeoutExpired:
        return None, ''
    return done.returncode, done.stdout + done.stderr


def fate(program, code):
    if code is None:
        return f'{program}: never ends'
    if code in ABORTS:
        return f'{program}: {ABORTS[code]}'
    if code != 0:
        sys.exit(f'{program} ended with {code} and named no violation')
    return None


def caught_by_sim(sim, number, *words):
    code, said = run(sim, '--mutant', str(number), *words, '--brief')
    found = re.search(r'^seed (\d+): ([^:\n]+)', said, re.M)
    if found:
        return f'sim seed {found[1]}: {found[2]}'
    return fate('sim', code)


def caught_by_crash(crash, number):
    code, said = run(crash, '--mutant', str(number), '--sample', '4', '--kills', '0', '--brief')
    found = re.search(r'^VIOLATION in "([^"]+)"[^:\n]*: ([^\n]+)', said, re.M)
    if found:
        return f'crash "{found[1]}": {found[2][:60]}'
    return fate('crash', code)


def main():
    words = argparse.ArgumentParser()
    words.add_argument('sim')
    words.add_argument('crash')
    words.add_argument('--seeds', type=int, default=1000)
    words.add_argument('--only', default='')
    asked = words.parse_args()
    _, listed = run(asked.sim, '--mutant-list')
    planted = re.findall(r'^(\d+) (\w+): (.+)$', listed, re.M)
    if asked.only:
        planted = [one for one in planted if one[1] in asked.only.split(',')]

    def judge(one):
        # Damaged files are rare, so counties that have some come in a row of their own.
        return (caught_by_sim(asked.sim, one[0], '--seeds', str(asked.seeds))
                or caught_by_sim(asked.sim, one[0], '--with', 'damaged_store', '--seeds', str(asked.seeds // 4))
                or caught_by_crash(asked.crash, one[0]))

    caught = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for (number, name, what), by in zip(planted, pool.map(judge, planted)):
            caught += by is not None
            print(f'{number:>3}  {name:<26} {by or "ALIVE: " + what}', flush=True)
    print(f'mutants: {len(planted)}, caught: {caught}, alive: {len(planted) - caught}')
    return 0 if caught == len(planted) else 1


if __name__ == '__main__':
    sys.exit(main())
