"""FAISS's side of tests/peers/memory_peer.ts: a flat exact index, IndexFlatL2, on one thread, as Memory-R searches with.

Usage: memory_peer.py ROWS QUERIES DIMENSIONS (float32 files). It speaks one line at a time: "add" and "search K" answer
with {"seconds": ...} of CPU time, the latter for all queries one by one; "answers K" with {"ids": [[...], ...]}.
"""

import json
import sys
import time

import faiss
import numpy as np


def main():
    rows_path, queries_path, dimensions = sys.argv[1], sys.argv[2], int(sys.argv[3])
    faiss.omp_set_num_threads(1)
    rows = np.fromfile(rows_path, "<f4").reshape(-1, dimensions)
    queries = np.fromfile(queries_path, "<f4").reshape(-1, dimensions)
    index = faiss.IndexFlatL2(dimensions)
    answer({"ready": "IndexFlatL2", "version": faiss.__version__})
    for line in sys.stdin:
        command, *arguments = line.split()
        start = time.process_time()
        if command == "add":
            for row in range(len(rows)):
                index.add(rows[row : row + 1])
        elif command == "search":
            for query in range(len(queries)):
                index.search(queries[query : query + 1], int(arguments[0]))
        elif command == "answers":
            answer({"ids": index.search(queries, int(arguments[0]))[1].tolist()})
            continue
        answer({"seconds": time.process_time() - start})


def answer(message):
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    main()
