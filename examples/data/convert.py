"""Writes this folder's CSV files from the data files inside the scikit-learn 1.9.1 wheel.

    pip download --no-deps --only-binary :all: scikit-learn==1.9.1
    unzip scikit_learn-1.9.1-*.whl 'sklearn/datasets/data/*' -d unpacked
    python convert.py unpacked/sklearn/datasets/data .

Only the standard library is used. Numbers keep their value exactly.
"""

import csv
import gzip
import sys
from pathlib import Path

FEATURES = {
    "iris": ["sepal_length_cm", "sepal_width_cm", "petal_length_cm", "petal_width_cm"],
    "wine": [
        "alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids",
        "nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280_od315", "proline",
    ],
    "breast_cancer": [
        f"{statistic}_{name}"
        for statistic in ("mean", "error", "worst")
        for name in (
            "radius", "texture", "perimeter", "area", "smoothness", "compactness", "concavity",
            "concave_points", "symmetry", "fractal_dimension",
        )
    ],
    "diabetes": ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"],
}
CLASSES = {
    "iris": ("iris.csv", "species", ["setosa", "versicolor", "virginica"]),
    "wine": ("wine_data.csv", "cultivar", ["cultivar_1", "cultivar_2", "cultivar_3"]),
    "breast_cancer": ("breast_cancer.csv", "diagnosis", ["malignant", "benign"]),
}


def write(path, header, rows):
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(header)
        out.writerows(rows)
    print(path, len(rows), "rows")


def plain(number):
    """'1.300000000000000000e+01' -> '13': the shortest text that is the same number."""
    value = float(number)
    return str(int(value)) if value.is_integer() else repr(value)


def main(source, target):
    for name, (file, column, classes) in CLASSES.items():
        with open(source / file, newline="") as lines:
            rows = list(csv.reader(lines))[1:]
        rows = [row[:-1] + [classes[int(row[-1])]] for row in rows]
        write(target / f"{name}.csv", FEATURES[name] + [column], rows)

    with gzip.open(source / "digits.csv.gz", "rt") as lines:
        rows = [[plain(cell) for cell in row] for row in csv.reader(lines)]
    write(target / "digits.csv", [f"p{i}" for i in range(64)] + ["label"], rows)

    with gzip.open(source / "diabetes_data_raw.csv.gz", "rt") as lines:
        rows = [[plain(cell) for cell in line.split()] for line in lines]
    with gzip.open(source / "diabetes_target.csv.gz", "rt") as lines:
        targets = [plain(line) for line in lines]
    rows = [row + [t] for row, t in zip(rows, targets, strict=True)]
    write(target / "diabetes.csv", FEATURES["diabetes"] + ["target"], rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
