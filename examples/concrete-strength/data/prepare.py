"""Makes concrete.csv of data/concrete.RData, as the R package modeldata has it.

The table lists several ages of each mixture. It is written so that the rows of a mixture stand together and the
mixtures in a random order: folds of consecutive rows, and the test rows at the end, then have mixtures of their own.

    pip install numpy pandas rdata
    python prepare.py concrete.RData > concrete.csv
"""

import sys

import numpy
import rdata

table = rdata.conversion.convert(rdata.parser.parse_file(sys.argv[1]))["concrete"]
mixture = table.groupby(list(table.columns[:7])).ngroup()
place = numpy.random.default_rng(0).permutation(mixture.max() + 1)
order = mixture.map(lambda number: place[number]).sort_values(kind="stable").index
table.loc[order].to_csv(sys.stdout, index=False)
