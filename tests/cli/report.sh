#!/bin/sh
# Goal: what the report's first lines and the terminal say is what was measured. Method: people of two groups whose selection rates are
# equal and whose errors are not; the right values by hand; policies that are met by claims, and one by what was only observed.
. tests/cli/lib.sh
cd "$room" || exit 1

# Of each group 400 people, half with x > 0, which the model learns to call yes. F: of those 200, 190 are yes, of the others 10;
# M: 130 and 70. So the shares called yes are 0.5 and 0.5, true positive rates 190/200 and 130/200, false positive rates 10/200 and
# 70/200: demographic parity 0, equalized odds (Hardt, Price and Srebro 2016) max(0.30, 0.30) = 0.30, its ratio min(13/19, 1/7) = 0.143.
people() {
    awk -v shift="$1" 'BEGIN {
        print "x,sex,y"
        for (i = 0; i < 800; i++) {
            f = i % 2; k = int(i / 2); n = k % 200; high = k < 200
            x = (high ? 1 : -1) * (1 + (2 * i + shift) / 100000)
            printf "%.5f,%s,%s\n", x, f ? "F" : "M", n < (high ? (f ? 190 : 130) : (f ? 10 : 70)) ? "yes" : "no"
        }
    }'
}
people 0 > odds.csv
people 1 > test.csv
cat > odds.yaml <<'YAML'
onus: 1
name: odds
purpose: Equal selection, unequal errors
seed: 1
data: {source: odds.csv, test: test.csv, label: {column: y, positive: yes}, protected: [sex], columns: {sex: drop}}
model: {kind: logistic}
train: {epochs: 30, lr: 0.05}
privacy: off
explain: off
policy: [accuracy >= 0.6, fairness.sex.demographic_parity_difference.lower <= 0.05, energy.joules <= 1000000]
YAML
expect 0 'policies met: 3 of 3 .2 by claims, 1 by observation.' "$onus" run odds.yaml --out r --quiet
python3 - r/report.html <<'PY' && ok || bad 'the first lines of the report'
import re, sys
html = open(sys.argv[1], encoding='utf-8').read()
head = html[html.index('<header>'):html.index('</header>')]
text = re.sub('<[^>]*>', '', head)
assert 'verdict warn' in head, 'the banner is calm over a gap that is proven'
assert '2 of 3 policies met by claims, 1 by observation.' in text, text
assert 'No gap between groups is proven' not in text and 'It does not treat groups alike' in text, text
assert 'equalized odds, ratio, by sex: 0.143' in text, text
listed = html[html.index('id="gaps"'):]
listed = listed[:listed.index('</div>')]
assert len(re.findall('data-says="proven"', listed)) == 5 and 'demographic parity' not in listed, listed
assert 'equalized odds, difference, by sex: 0.300' in re.sub('<[^>]*>', '', listed), listed
tile = re.search('<div class="tile ([a-z]*)" data-about="fairness[^"]*"', html)
assert tile and tile[1] == 'none', 'a verdict on demographic parity colours the tile'
assert 'a gap up to ' in re.sub('<[^>]*>', '', html[html.index('id="policy"'):html.index('id="quality"')])
PY
finish
