# For the scripts beside it: what equal runs share.

# course FILE: lines of a metrics.jsonl, or of answers, without what a clock, the machine's memory and the folder's name decide, and without
# those of phases, which a stop and a resume change; as org.metaapo.metrics.Course.
course() {
    sed -E '/"kind":"phase"/d; s/,?"(time|seconds[a-z_]*|tokens_per_second|memory|name)":("[^"]*"|[-+.0-9a-zE]+)//g' "$1"
}

# comparable FOLDER: everything of a run that must be equal.
comparable() {
    course "$1/metrics.jsonl" | sha256sum
    (cd "$1" && sha256sum {model,adapter}/*.safetensors meta-learner.json samples/*)
}
