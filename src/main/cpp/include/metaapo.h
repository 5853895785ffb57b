/*
 * metaapo.h: the boundary between the metaapo engine and its callers, plain C.
 *
 * Conventions, stated once:
 *  - Ownership. apo_*_create gives the caller one handle, apo_*_close takes it back. A handle must be closed before its
 *    parent (engine > model > adapter > scorer | trainer | generator; an adapter may be left out); closing a parent first is APO_E_STATE and closes nothing.
 *    Arrays passed in belong to the caller and are only read during the call; arrays passed out are the caller's and
 *    are filled during the call. Nothing is retained.
 *  - Status. Every function that can fail returns an apo_status and, unless error is NULL, fills *error with the code
 *    and one line that names the cause, the expected and the actual value. After a failed call no output is valid and
 *    the handle is as before the call (a trainer's gradients, however, are then undefined until zeroed).
 *    No C++ exception and no abort crosses this header. Arguments are checked before any work starts.
 *  - Threads. Two engines are independent. Calls on handles of one engine must not overlap in time; an overlapping call
 *    is refused with APO_E_STATE. An apo_progress may be read and written from any thread while a call runs.
 *  - Ranks. Calls on engines that have joined one group of ranks, where they say "collective", are made by every rank in the same order;
 *    each waits for the others. Where one fails on one rank alone, that one is to call apo_ranks_abort, and the others' calls fail.
 *  - Layout. Row-major, contiguous, host memory, native (little-endian) byte order. int32 token ids. Log-probs are
 *    natural logarithms. Sums of log-probs are double.
 *  - Packs. Sequences are packed without padding. A pack is [prompt | answer 1 | answer 2 | ...]: each answer attends
 *    to its prompt and to itself, and its positions go on from the prompt's end. To keep answers apart, give each its
 *    own pack: results agree to rounding.
 */
#ifndef METAAPO_H
#define METAAPO_H

#include <stdint.h>

#if defined(__GNUC__)
#define APO_API __attribute__((visibility("default")))
#else
#define APO_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/** Version of this header's binary interface; apo_abi_version() of the library must be equal. */
#define APO_ABI_VERSION 10

/** What a call came to. */
typedef enum apo_status {
    APO_OK = 0,
    APO_E_ARGUMENT = 1,    /**< null, shape, range or id out of vocabulary; nothing was done */
    APO_E_STATE = 2,       /**< closed, busy, children open, or a call out of order */
    APO_E_MEMORY = 3,      /**< host or device memory too small */
    APO_E_DEVICE = 4,      /**< device, driver or device library missing or failing */
    APO_E_NUMERIC = 5,     /**< NaN or Inf in weights, log-probs, loss or gradient */
    APO_E_UNSUPPORTED = 6, /**< a valid request that this build or device does not serve */
    APO_E_CANCELLED = 7,   /**< apo_progress.cancel was set */
    APO_E_INTERNAL = 8     /**< a bug in the engine */
} apo_status;

/** Element types of weights and activations. */
typedef enum apo_dtype { APO_F32 = 0, APO_BF16 = 1 } apo_dtype;

/** Kinds of device. */
typedef enum apo_device { APO_CPU = 0, APO_CUDA = 1 } apo_device;

/** Heads of a model: next-token distribution, or one score from the last token. */
typedef enum apo_head { APO_HEAD_LM = 0, APO_HEAD_VALUE = 1 } apo_head;

/** Rotary scaling (transformers' names). */
typedef enum apo_rope { APO_ROPE_DEFAULT = 0, APO_ROPE_LINEAR = 1, APO_ROPE_LLAMA3 = 2 } apo_rope;

/** Caller-owned error report. */
typedef struct apo_error {
    int32_t code;       /**< an apo_status */
    char message[1020]; /**< one line of UTF-8, NUL-terminated */
} apo_error;

/** Shared with a running call: the call adds to done, the caller may set cancel to 1 (then the call ends with
 *  APO_E_CANCELLED at the next layer or token). Zero it before the call. */
typedef struct apo_progress {
    int64_t done;    /**< units finished: tokens forwarded and backwarded, or tokens generated */
    int64_t total;   /**< units expected, 0 while unknown */
    int32_t cancel;
    int32_t reserved;
} apo_progress;

typedef struct apo_ranks apo_ranks;
typedef struct apo_engine apo_engine;
typedef struct apo_model apo_model;
typedef struct apo_adapter apo_adapter;
typedef struct apo_scorer apo_scorer;
typedef struct apo_trainer apo_trainer;
typedef struct apo_generator apo_generator;

/* ---------------------------------------------------------------- engine */

typedef struct apo_engine_options {
    int32_t device;       /**< an apo_device */
    int32_t device_index; /**< 0 for the CPU */
    int32_t threads;      /**< CPU threads; 0 = one for each core this process may use */
    int32_t reserved;
} apo_engine_options;

typedef struct apo_device_info {
    char name[128];       /**< such as "AMD EPYC" or "NVIDIA H200" */
    char isa[32];         /**< instruction set or compute capability in use, such as "avx2", "avx512_bf16", "sm_90" */
    char gemm[64];        /**< matrix library with version, such as "oneDNN 3.11.0" */
    int32_t threads;      /**< CPU threads in use */
    int32_t bf16_native;  /**< 1 where matrix products of bf16 run in hardware, 0 where they are widened to f32 */
    char bf16[96];        /**< how, and why, in words */
    int64_t memory_total; /**< bytes */
    int64_t memory_free;  /**< bytes available now */
} apo_device_info;

/** ABI version of the loaded library. */
APO_API int32_t apo_abi_version(void);

/** Version of the engine, such as "0.1.0"; static storage. */
APO_API const char* apo_version(void);

/** How many devices of a kind (an apo_device) this machine has. APO_E_DEVICE, with the reason, where there is none or the
 *  kind's backend is not built; count is then 0. */
APO_API apo_status apo_device_count(int32_t device, int32_t* count, apo_error* error);

/** Opens a device. APO_E_DEVICE where it is missing. */
APO_API apo_status apo_engine_create(const apo_engine_options* options, apo_engine** engine, apo_error* error);

APO_API apo_status apo_engine_info(apo_engine* engine, apo_device_info* info, apo_error* error);

/** NULL is APO_OK. */
APO_API apo_status apo_engine_close(apo_engine* engine, apo_error* error);

/* ---------------------------------------------------------------- ranks */

/** One of the ranks that train one model together, each on an engine of its own: processes or threads. */
typedef struct apo_ranks_info {
    int32_t rank, size;
    int32_t local_rank, local_size; /**< among the ranks of this machine */
    char transport[128];            /**< such as "Open MPI 4.1.4" or "threads of one process" */
} apo_ranks_info;

/** Makes ranks of `size` threads of this process: all: (size) handles, each for one thread. A rank that is closed or aborted fails the
 *  calls of the others. */
APO_API apo_status apo_ranks_open_local(int32_t size, apo_ranks** all, apo_error* error);

/** The MPI that apo_ranks_open_mpi would start, such as "Open MPI v4.1.4". APO_E_DEVICE, and why, where there is none. */
APO_API apo_status apo_mpi_name(char name[128], apo_error* error);

/** Joins the processes that MPI's launcher has started: `size` of them, as it tells in the environment (OMPI_COMM_WORLD_SIZE, or
 *  SLURM_STEP_NUM_TASKS). Collective, and possible once in a process. control: 1 where MPI carries only what ranks tell each other, for
 *  they compute on GPUs. APO_E_DEVICE where there is no MPI, or it finds another number of processes than `size`: then it is not that
 *  launcher's. */
APO_API apo_status apo_ranks_open_mpi(int32_t size, int32_t control, apo_ranks** ranks, apo_error* error);

APO_API apo_status apo_ranks_info_of(apo_ranks* ranks, apo_ranks_info* info, apo_error* error);

/** Collective: waits for all ranks. */
APO_API apo_status apo_ranks_barrier(apo_ranks* ranks, apo_error* error);

/** Collective: receive (size, bytes) gets what each rank sends, in the order of ranks. */
APO_API apo_status apo_ranks_gather(apo_ranks* ranks, const void* send, int64_t bytes, void* receive, apo_error* error);

/** Collective: data (bytes) of rank `root` comes to all. */
APO_API apo_status apo_ranks_broadcast(apo_ranks* ranks, void* data, int64_t bytes, int32_t root, apo_error* error);

/** Has this rank's waits for others, in collective calls of the ranks and of their engines that begin from here on, fail after so many
 *  seconds (APO_E_DEVICE), with a line that names who did not come; 0, as at first: they have no end. For work in which no rank does what
 *  may take any time, such as writing files. Call apo_ranks_abort then: where several ranks wait, one alone fails. */
APO_API apo_status apo_ranks_limit(apo_ranks* ranks, double seconds, apo_error* error);

/** Ends all ranks: processes at once, with this exit status, threads by a failure of their present or next call. May be called from any
 *  thread. NULL does nothing. */
APO_API void apo_ranks_abort(apo_ranks* ranks, int32_t status);

/** NULL is APO_OK. APO_E_STATE while an engine that has joined is open. */
APO_API apo_status apo_ranks_close(apo_ranks* ranks, apo_error* error);

/** Collective: the engine becomes one rank's, before anything is created on it, and trainers then share their work (apo_trainer_options
 *  .shard). Close it before the ranks. APO_E_STATE where it has joined, or has children. */
APO_API apo_status apo_engine_join(apo_engine* engine, apo_ranks* ranks, apo_error* error);

/* ---------------------------------------------------------------- model */

/** Shape of a decoder-only transformer (Llama, Mistral, Qwen2, Qwen3). */
typedef struct apo_model_config {
    int32_t vocab_size;        /**< V */
    int32_t hidden_size;       /**< C */
    int32_t intermediate_size; /**< F */
    int32_t layers;            /**< L */
    int32_t heads;             /**< H query heads */
    int32_t kv_heads;          /**< G key/value heads, a divisor of H */
    int32_t head_dim;          /**< D, even */
    int32_t max_positions;     /**< longest prompt + answer */
    int32_t has_padding;       /**< 1: padding_id is padding; transformers' pad_token_id */
    int32_t padding_id;        /**< its embedding gets no gradient (torch's padding_idx, which counts a negative one from the
                                    vocabulary's end), and a value head reads the last token that is another. May be beyond the
                                    vocabulary */
    int32_t head;              /**< an apo_head */
    int32_t tied_head;         /**< 1: the LM head is the embedding table */
    int32_t qkv_bias;          /**< 1: biases on the q, k, v projections (Qwen2) */
    int32_t output_bias;       /**< 1: bias on the o projection */
    int32_t mlp_bias;          /**< 1: biases on gate, up, down */
    int32_t qk_norm;           /**< 1: RMSNorm over each head of q and k before RoPE (Qwen3) */
    int32_t rope;              /**< an apo_rope */
    double rms_norm_eps;
    double rope_theta;
    double rope_factor;                  /**< linear and llama3 */
    double rope_low_freq_factor;         /**< llama3 */
    double rope_high_freq_factor;        /**< llama3 */
    double rope_original_max_positions;  /**< llama3 */
    const int32_t* windows;  /**< (L) tokens that a query of each layer sees, itself included, 0 = all; or NULL: all layers see all */
} apo_model_config;

/** One weight tensor under its Hugging Face name. */
typedef struct apo_tensor_info {
    char name[96];    /**< such as "model.layers.0.self_attn.q_proj.weight"; value head: "score.weight" */
    int32_t rank;     /**< 1 or 2 */
    int32_t whole;    /**< 1: packed (apo_model_options.quantize), and so written with all its elements at once */
    int64_t shape[2]; /**< (rows, columns), or (n, 1) for rank 1 */
    int64_t count;    /**< elements */
} apo_tensor_info;

/** How the seven projections of each layer are kept: 16 or 32 bits a weight as all else, or fewer (ops/quantized.h). */
typedef enum apo_quantize {
    APO_QUANTIZE_NONE = 0,
    APO_QUANTIZE_NF4 = 1,     /**< 4 bits in blocks of 64, whose scales have 8 bits (double quantisation): 4.127 bits a weight */
    APO_QUANTIZE_NF4_F32 = 2, /**< the same with scales in f32: 4.5 bits a weight */
    APO_QUANTIZE_INT8 = 3     /**< 8 bits with a scale a row */
} apo_quantize;

/** How a model's weights are kept. */
typedef struct apo_model_options {
    int32_t dtype;     /**< an apo_dtype, of weights and activations */
    int32_t offloaded; /**< 1: the layers' weights lie in pinned host memory, and one layer is copied to the GPU while the one before
                            runs, so that two are there at a time. Results have the same bits. For scorers, and for trainers of an
                            adapter; a generator, and a trainer of the model itself, is APO_E_STATE. On the CPU no difference */
    int32_t quantize;  /**< an apo_quantize, of the projections' weights; embedding, norms, head and biases are of dtype. A packed weight is
                            code times scale, rounded to bf16, in f32 models too. Its matrix is unpacked in front of a product, and a
                            product of few rows reads it packed. Not with offloaded; a trainer of the model itself is APO_E_STATE */
    int32_t sharded;   /**< 1: the ranks that the engine has joined keep the weights in equal parts, and bring a layer's together when a forward
                            or a backward comes to it. Writes keep this rank's part; reads, forwards and backwards are collective, and a scorer's
                            batch may then be empty (no packs). For scorers and trainers (APO_SHARD_WEIGHTS); a generator is APO_E_STATE. Not
                            with offloaded or quantize. One rank: no difference */
} apo_model_options;

/** Allocates a model with all weights zero. */
APO_API apo_status apo_model_create(apo_engine* engine, const apo_model_config* config, const apo_model_options* options,
                                    apo_model** model, apo_error* error);

/** Number of tensors; they are numbered 0.. in the order of transformers' state dict. */
APO_API apo_status apo_model_tensor_count(apo_model* model, int32_t* count, apo_error* error);

APO_API apo_status apo_model_tensor(apo_model* model, int32_t index, apo_tensor_info* info, apo_error* error);

/** Writes elements [offset, offset + count) of a tensor from source, of source_dtype. f32 becomes bf16 as the upper half of an f32
 *  master: the nearest number, of two equally near the larger in magnitude (ops/split_f32.h). NaN or Inf is APO_E_NUMERIC and
 *  names tensor and element. While a trainer is open, weights are written through it, with their f32 masters (APO_STATE_MASTER). */
APO_API apo_status apo_model_write(apo_model* model, int32_t index, int64_t offset, int64_t count, const void* source,
                                   int32_t source_dtype, apo_error* error);

/** A matrix W(rows, columns) as bitsandbytes stores it; its arrays as the model's apo_quantize says. */
typedef struct apo_packed_matrix {
    const uint8_t* codes;       /**< NF4: (ceil(rows columns / 2)), two weights a byte, row after row, the first in the upper half.
                                     INT8: (rows, columns) signed */
    const float* scales;        /**< NF4_F32: (ceil(rows columns / 64)) the largest magnitude of each block ("absmax"). NF4: (ceil of those
                                     / 256) ("nested_absmax"). INT8: (rows) ("SCB") */
    const uint8_t* scale_codes; /**< NF4: (ceil(rows columns / 64)) ("absmax"); else not read */
    const float* scale_map;     /**< NF4: (256) ("nested_quant_map"); else not read */
    float scale_offset;         /**< NF4: "nested_offset"; else not read */
} apo_packed_matrix;

/** Writes a packed tensor as it is stored elsewhere. A tensor that is not packed in this model is APO_E_ARGUMENT; a scale that is NaN
 *  or infinite APO_E_NUMERIC. apo_model_write of a packed tensor takes it whole and packs it: NF4 as QLoRA (arXiv 2305.14314), the
 *  nearest code of w / largest of the block, of two equally near the lower; INT8 the nearest of 127 w / largest of the row. */
APO_API apo_status apo_model_write_packed(apo_model* model, int32_t index, const apo_packed_matrix* source, apo_error* error);

/** Reads elements [offset, offset + count) of a tensor into target, of target_dtype; of a packed one, what its weights are. */
APO_API apo_status apo_model_read(apo_model* model, int32_t index, int64_t offset, int64_t count, void* target,
                                  int32_t target_dtype, apo_error* error);

/** Fresh weights: matrices N(0, standard_deviation²) from a counter-based generator, norms 1, biases 0. */
APO_API apo_status apo_model_initialize(apo_model* model, uint64_t seed, double standard_deviation, apo_error* error);

/** Copies all weights; both models have one shape, and one engine. The value head, where only one has it, is left. Packed weights go to
 *  models that are packed alike or not at all; a copy packs nothing (APO_E_ARGUMENT). */
APO_API apo_status apo_model_copy(apo_model* target, apo_model* source, apo_error* error);

APO_API apo_status apo_model_close(apo_model* model, apo_error* error);

/* ---------------------------------------------------------------- adapters */

/** The projections of a layer that an adapter may stand beside: columns of apo_adapter_config's tables. */
typedef enum apo_projection {
    APO_Q = 0,
    APO_K = 1,
    APO_V = 2,
    APO_O = 3,
    APO_GATE = 4,
    APO_UP = 5,
    APO_DOWN = 6
} apo_projection;

/** Projections of a layer. */
#define APO_PROJECTIONS 7

/** Shape of a low-rank adapter (LoRA, arXiv 2106.09685). A projection y = W x + b becomes y = W x + b + s B (A drop(x)), A (r, in) and
 *  B (out, r). The adapter's weights are f32, its products run in the model's dtype. */
typedef struct apo_adapter_config {
    int32_t head;         /**< an apo_head. APO_HEAD_LM: the model's own LM head. APO_HEAD_VALUE: a score head of the adapter's own, on a
                               model with any head */
    int32_t layers;       /**< L, as the model's */
    const int32_t* ranks; /**< (L, 7) r of each projection, at most the least side of its matrix; 0: none there */
    const double* scales; /**< (L, 7) s of each: alpha / r, or alpha / sqrt(r) of rsLoRA; not 0. Not read where the rank is 0 */
    double dropout;       /**< p in [0, 1): elements of x are dropped, and the others divided by 1 - p, in trainers alone */
    uint64_t seed;        /**< of dropout, whose masks are keyed by (seed, optimizer step, layer, projection, token in the step, column):
                               the same on every device, and again when a run resumes (apo_trainer_set_step) */
} apo_adapter_config;

/** How the A's of a fresh adapter are drawn. */
typedef enum apo_adapter_init {
    APO_INIT_UNIFORM = 0, /**< in +-1 / sqrt(in) */
    APO_INIT_GAUSSIAN = 1 /**< N(0, 1 / r^2) */
} apo_adapter_init;

/** Allocates an adapter with all weights zero, which changes nothing that the model computes. Several may be open on one model, and
 *  what runs without one is the model itself. A config with nothing to train is APO_E_ARGUMENT. */
APO_API apo_status apo_adapter_create(apo_model* model, const apo_adapter_config* config, apo_adapter** adapter, apo_error* error);

/** Number of tensors; they are numbered 0.. in the order of PEFT's files, layer by layer. */
APO_API apo_status apo_adapter_tensor_count(apo_adapter* adapter, int32_t* count, apo_error* error);

/** A tensor under its name in PEFT's files after "base_model.model.": "model.layers.0.self_attn.q_proj.lora_A.weight" (r, in),
 *  "....lora_B.weight" (out, r), "score.weight" (1, C). */
APO_API apo_status apo_adapter_tensor(apo_adapter* adapter, int32_t index, apo_tensor_info* info, apo_error* error);

/** As apo_model_write. While a trainer of the adapter is open, its weights may be written directly too: it keeps no others. */
APO_API apo_status apo_adapter_write(apo_adapter* adapter, int32_t index, int64_t offset, int64_t count, const void* source,
                                     int32_t source_dtype, apo_error* error);

/** As apo_model_read. */
APO_API apo_status apo_adapter_read(apo_adapter* adapter, int32_t index, int64_t offset, int64_t count, void* target,
                                    int32_t target_dtype, apo_error* error);

/** Fresh weights: A as kind (an apo_adapter_init) says, B zero, a score head N(0, 0.02^2), from a counter-based generator. */
APO_API apo_status apo_adapter_initialize(apo_adapter* adapter, uint64_t seed, int32_t kind, apo_error* error);

/** Copies all weights; both adapters have one head, the same ranks and scales, and one engine. */
APO_API apo_status apo_adapter_copy(apo_adapter* target, apo_adapter* source, apo_error* error);

APO_API apo_status apo_adapter_close(apo_adapter* adapter, apo_error* error);

/** target = source with W + s B A for each projection of its adapter, product and sum in f32, rounded once into target's dtype; a value
 *  head is the adapter's. target is an ordinary model of source's shape with the adapter's head. It may be source itself, whose weights are
 *  then gone: no merge can be undone, and the adapter is not to run on it any more. */
APO_API apo_status apo_model_merge(apo_model* target, apo_model* source, apo_adapter* adapter, apo_error* error);

/* ---------------------------------------------------------------- batches */

/** Packed sequences: P packs, N answers, T tokens. Host arrays. */
typedef struct apo_batch {
    int32_t packs;                 /**< P >= 1 */
    int32_t answers;               /**< N = sum of answer_counts */
    int64_t token_count;           /**< T = sum of prompt_lengths and answer_lengths */
    const int32_t* tokens;         /**< (T) ids in [0, vocab_size), pack after pack: prompt, answers in order */
    const int32_t* prompt_lengths; /**< (P) each >= 1 */
    const int32_t* answer_counts;  /**< (P) each >= 1 */
    const int32_t* answer_lengths; /**< (N) each >= 1 */
} apo_batch;

/* ---------------------------------------------------------------- scoring */

/** A forward-only workspace for batches of up to max_tokens tokens. adapter: of this model, or NULL for the model alone. */
APO_API apo_status apo_scorer_create(apo_model* model, apo_adapter* adapter, int64_t max_tokens, apo_scorer** scorer,
                                     apo_error* error);

/** log p of every answer token given all before it, and their sums.
 *  token_logps: (sum of answer_lengths) float, answers in order, or NULL. sums: (N) double. LM head only. */
APO_API apo_status apo_scorer_logprobs(apo_scorer* scorer, const apo_batch* batch, float* token_logps, double* sums,
                                       apo_progress* progress, apo_error* error);

/** The value head's score of each answer, read at the last token of prompt and answer that is not padding (at the first
 *  where all are). scores: (N) double. Value head only. */
APO_API apo_status apo_scorer_values(apo_scorer* scorer, const apo_batch* batch, double* scores, apo_progress* progress,
                                     apo_error* error);

APO_API apo_status apo_scorer_close(apo_scorer* scorer, apo_error* error);

/* ---------------------------------------------------------------- preference loss */

/** Objectives; formulas with sources in ops/objective.h. */
typedef enum apo_objective_kind {
    APO_DPO = 0,
    APO_CDPO = 1,
    APO_ROBUST_DPO = 2,
    APO_IPO_SUM = 3,
    APO_IPO_MEAN = 4,
    APO_HINGE = 5,
    APO_SIMPO = 6,
    APO_KTO = 7,   /**< a row may lack one of its answers */
    APO_SPPO = 8,  /**< needs apo_pairs.wins; no online pairs */
    APO_SELM = 9,  /**< DPO with an exploration term; needs apo_pairs.explored */
    APO_ADPO = 10, /**< DPO with pseudo-labels */
    APO_XPO = 11,  /**< DPO with an exploration term; needs apo_pairs.explored */
    APO_GIVEN = 12 /**< loss and slopes are handed in as apo_pairs.given */
} apo_objective_kind;

/** An objective with its numbers; all are checked, those of other kinds are not read. */
typedef struct apo_objective {
    int32_t kind; /**< an apo_objective_kind */
    int32_t reserved;
    double beta;            /**< > 0; SPPO: 1 / eta */
    double gamma;           /**< SimPO's margin */
    double label_smoothing; /**< cDPO, robust DPO: in [0, 0.5) */
    double alpha;           /**< SELM, XPO: weight of the exploration term, >= 0 */
    double threshold;       /**< ADPO: |beta delta| above which the pair gets the policy's own label, >= 0 */
    double desirable;       /**< KTO: weight of chosen answers, >= 0 */
    double undesirable;     /**< KTO: weight of rejected answers, >= 0 */
    double kl;              /**< KTO: estimate of KL(policy || reference), >= 0, of the whole batch; a constant to the gradient */
    double likelihood;      /**< any kind: weight of the term -l_w / n_w that is added to a pair's loss, >= 0 */
} apo_objective;

/** Where a row's weight w comes from. */
typedef enum apo_weight_mode {
    APO_WEIGHT_CONSTANT = 0, /**< w = constant */
    APO_WEIGHT_LEARNED = 1,  /**< w = h(score_offline, features) */
    APO_WEIGHT_SCORE = 2     /**< w = exp(score_offline) = sigma(s * delta) */
} apo_weight_mode;

/** The meta-learner h: R^inputs -> (0, 1), of L layers: h(x) = sigma(W1 x + b1), or sigma(W2 tanh(W1 x + b1) + b2) (MetaAPO, arXiv
 *  2509.23371, where the score is the one input), or sigma(W3 tanh(W2 tanh(W1 x + b1) + b2) + b3). x is the score, then the row's
 *  features. Parameters in this order, matrices (outputs, inputs): L = 1: W1 (inputs), b1 (1); L = 2: W1 (n, inputs), b1 (n),
 *  W2 (n), b2 (1); L = 3: W1 (n, inputs), b1 (n), W2 (n, n), b2 (n), W3 (n), b3 (1). */
typedef struct apo_meta {
    int32_t mode;             /**< an apo_weight_mode */
    int32_t hidden;           /**< units n of each hidden layer, 1..65536, with 3 layers 1..1024; not read with 1; mode LEARNED */
    int32_t inputs;           /**< 1..256; 1 is the score alone; read in mode LEARNED */
    int32_t layers;           /**< L, 1..3; read in mode LEARNED */
    const double* parameters; /**< inputs + 1 of them, n (inputs + 2) + 1, or n (inputs + n + 3) + 1, by layers; mode LEARNED */
    const double* features;   /**< (B, inputs - 1), a line a row; read in mode LEARNED, may be NULL where inputs is 1 */
    double constant;          /**< in [0, 1]; mode CONSTANT */
    double score_scale;       /**< s of score = log sigma(s * delta); SimPO: s * (l_w/n_w - l_l/n_l - gamma/beta) */
} apo_meta;

/** Rows of a batch: an offline pair and, where sampled, an online pair. Numbers are answer indices; an answer may have several
 *  roles, whose gradients add up. */
typedef struct apo_pairs {
    int32_t rows;                    /**< B >= 1 */
    int32_t answers;                 /**< N */
    const int32_t* chosen;           /**< (B) KTO: -1 where the row has a rejected answer alone; then it has no online pair */
    const int32_t* rejected;         /**< (B) KTO: -1 where the row has a chosen answer alone; then it has no online pair */
    const int32_t* online_chosen;    /**< (B) -1 where the row has no online pair, or NULL for none at all */
    const int32_t* online_rejected;  /**< (B) -1 exactly where online_chosen is, or NULL with it */
    const double* reference_sums;    /**< (N) log-prob sums under the reference, or NULL for all zero (SimPO) */
    const int32_t* token_counts;     /**< (N) tokens of each answer, >= 1; may be NULL but with SimPO, IPO_MEAN and likelihood */
    const int32_t* explored;         /**< (B) SELM, XPO: answer of the offline loss's exploration term, -1 for none; else NULL */
    const double* wins;              /**< (B, 2) SPPO: P(chosen wins), P(rejected wins), in [0, 1]; else NULL */
    const double* given;             /**< (B, 2, 3) GIVEN: loss, dloss/dl_w, dloss/dl_l of the offline pair, then of the online
                                          pair, read where there is one; else NULL */
} apo_pairs;

/** What the loss kernel says of each row; a NULL array is not filled. All (B) but the last. NaN where a row has no
 *  online pair and the value needs one; and a row of KTO that lacks an answer has no delta and no score, nor a weight that
 *  depends on it. */
typedef struct apo_pair_results {
    double* loss;           /**< w L_off + (1 - w) L_on, or L_off for a row without an online pair */
    double* loss_offline;
    double* loss_online;
    double* score_offline;  /**< ell: log sigma(s * delta); SimPO: log sigma(s * (l_w/n_w - l_l/n_l - gamma/beta)) */
    double* score_online;
    double* delta_offline;  /**< (l_w - r_w) - (l_l - r_l) */
    double* delta_online;
    double* weight;         /**< w, for rows without an online pair too */
    double* dsums;          /**< (N) d(scale * sum of loss)/d(log-prob sum), w held constant */
} apo_pair_results;

/** The fused loss as a pure function of the answers' log-prob sums (N); no model, no device. */
APO_API apo_status apo_preference_loss(const apo_pairs* pairs, const double* sums, const apo_objective* objective,
                                       const apo_meta* meta, double scale, apo_pair_results* results, apo_error* error);

/** weights(n) = w of each score; of a meta-learner with several inputs meta->features has a line for each (n, inputs - 1). */
APO_API apo_status apo_meta_weights(const apo_meta* meta, const double* scores, int64_t n, double* weights,
                                    apo_error* error);

/** Meta loss mean(w L_off + (1 - w) L_on) over n rows, w = h(score, features), and its gradient by h's parameters
 *  (as many and in the same order). With L = -ell this is the paper's -mean(w ell_off + (1 - w) ell_on). meta->features is
 *  (n, inputs - 1). Mode LEARNED only. weight_mean may be NULL. */
APO_API apo_status apo_meta_gradient(const apo_meta* meta, const double* scores, const double* loss_offline,
                                     const double* loss_online, int64_t n, double* loss, double* gradient,
                                     double* weight_mean, apo_error* error);

/* ---------------------------------------------------------------- training */

/** How AdamW's state is kept. */
typedef enum apo_optimizer_state {
    APO_OPTIMIZER_F32 = 0, /**< moments in f32, and the bits that f32 master weights have beyond bf16 ones: 10 bytes a bf16
                                weight (ops/split_f32.h) */
    APO_OPTIMIZER_8BIT = 1 /**< moments in 8 bits with a scale for 256 of them, no f32 copy: 2 bytes a weight. bf16 weights are
                                rounded stochastically, by numbers of (seed, step, index) (ops/adamw8.h) */
} apo_optimizer_state;

/** What ranks share out among themselves in equal parts, in place of each keeping all of it: the stages of ZeRO (arXiv 1910.02054). */
typedef enum apo_shard {
    APO_SHARD_NONE = 0,
    APO_SHARD_OPTIMIZER = 1, /**< moments and what f32 masters have beyond the weights */
    APO_SHARD_GRADIENTS = 2, /**< gradients too: summed over the ranks in each backward. With an adapter as APO_SHARD_OPTIMIZER */
    APO_SHARD_WEIGHTS = 3    /**< weights too (apo_model_options.sharded), of the base where an adapter is trained */
} apo_shard;

typedef struct apo_trainer_options {
    int64_t max_tokens;      /**< longest batch of one forward and backward */
    int32_t recompute;       /**< 1: keep only each layer's input and recompute the rest in the backward */
    int32_t optimizer_state; /**< an apo_optimizer_state */
    uint64_t seed;           /**< of the rounding of APO_OPTIMIZER_8BIT */
    int32_t offload_optimizer; /**< 1: moments, and what f32 master weights have beyond bf16 ones, lie in pinned host memory, which
                                    the optimizer's kernel reads and writes across the bus; the same bits, at its speed. On the
                                    CPU no difference */
    int32_t shard;             /**< an apo_shard. Not read where the engine has joined no ranks */
} apo_trainer_options;

/** Decoupled weight decay Adam (Loshchilov & Hutter, arXiv 1711.05101), on every tensor alike. */
typedef struct apo_adamw {
    double learning_rate;
    double beta1;
    double beta2;
    double eps;
    double weight_decay;
    double clip;  /**< largest global gradient norm; <= 0: none */
    int64_t step; /**< 1 for the first step */
} apo_adamw;

/** What apo_trainer_read and _write reach. */
typedef enum apo_state {
    APO_STATE_GRADIENT = 0,
    APO_STATE_MASTER = 1,  /**< weights in f32; writing them sets the model's weights too */
    APO_STATE_MOMENT1 = 2, /**< moments in f32; of 8 bits they are read and written packed */
    APO_STATE_MOMENT2 = 3
} apo_state;

/** Gradients, optimizer state and workspace, all zero. adapter NULL: the model is trained. Else the adapter of this model alone is: its
 *  tensors are what _read, _write and _packed reach, and nothing is allocated for the model's, whose weights stay as they are. One
 *  trainer a model, and one an adapter. */
APO_API apo_status apo_trainer_create(apo_model* model, apo_adapter* adapter, const apo_trainer_options* options,
                                      apo_trainer** trainer, apo_error* error);

/** Says that `step` optimizer steps have been done, for a trainer that goes on where another ended: apo_trainer_step says it after each.
 *  Dropout of an adapter depends on it, and nothing else. */
APO_API apo_status apo_trainer_set_step(apo_trainer* trainer, int64_t step, apo_error* error);

/** Forward that keeps what the backward needs. Outputs as apo_scorer_logprobs; for a value head sums are the scores and
 *  token_logps must be NULL. */
APO_API apo_status apo_trainer_forward(apo_trainer* trainer, const apo_batch* batch, float* token_logps, double* sums,
                                       apo_progress* progress, apo_error* error);

/** Backward of the last forward: adds to the gradients. dsums: (N) dloss/dsum. */
APO_API apo_status apo_trainer_backward(apo_trainer* trainer, const double* dsums, apo_progress* progress, apo_error* error);

/** As apo_trainer_backward, for a loss of single token log-probs. dlogps: (sum of answer_lengths). LM head only. */
APO_API apo_status apo_trainer_backward_tokens(apo_trainer* trainer, const float* dlogps, apo_progress* progress,
                                               apo_error* error);

/** Forward, fused loss and backward in one call; adds d(scale * sum of rows' loss) to the gradients. sums (N) gets the
 *  log-prob sums (value head: scores, so that DPO with beta 1 and no reference is the Bradley-Terry loss).
 *  pairs->token_counts may be NULL: the batch has them. A loss that is not finite is APO_E_NUMERIC and names the row. */
APO_API apo_status apo_trainer_preference(apo_trainer* trainer, const apo_batch* batch, const apo_pairs* pairs,
                                          const apo_objective* objective, const apo_meta* meta, double scale, double* sums,
                                          apo_pair_results* results, apo_progress* progress, apo_error* error);

/** In place of a forward and backward, or _preference, on a rank that has no rows while others have. Collective with those where gradients
 *  are shared out (APO_SHARD_GRADIENTS); else it does nothing. Every rank makes as many of these calls a step, all together. */
APO_API apo_status apo_trainer_idle(apo_trainer* trainer, apo_error* error);

/** Clips, steps and zeroes the gradients. grad_norm: global norm before clipping. A norm that is not finite is
 *  APO_E_NUMERIC; weights and moments are then untouched. Collective: with ranks the gradient is the sum of theirs, so that a loss is
 *  to be scaled by what all have together, and every rank has the same norm and the same weights afterwards. */
APO_API apo_status apo_trainer_step(apo_trainer* trainer, const apo_adamw* adamw, double* grad_norm, apo_error* error);

APO_API apo_status apo_trainer_zero_gradients(apo_trainer* trainer, apo_error* error);

/** The range of a tensor's elements whose masters and moments this rank keeps, and, where they are shared out, gradients: all of them
 *  without ranks or with APO_SHARD_NONE. count may be 0. */
APO_API apo_status apo_trainer_part(apo_trainer* trainer, int32_t index, int64_t* offset, int64_t* count, apo_error* error);

/** Elements [offset, offset + count) of a tensor's state (an apo_state), f32. What another rank keeps is refused (APO_E_ARGUMENT) by
 *  _read, and passed over by _write, which sets the model's weights all the same. */
APO_API apo_status apo_trainer_read(apo_trainer* trainer, int32_t state, int32_t index, int64_t offset, int64_t count,
                                    float* target, apo_error* error);

APO_API apo_status apo_trainer_write(apo_trainer* trainer, int32_t state, int32_t index, int64_t offset, int64_t count,
                                     const float* source, apo_error* error);

/** Bytes of a packed moment (APO_STATE_MOMENT1 or 2): codes, then scales, of all tensors; 0 where moments are f32. */
APO_API apo_status apo_trainer_packed_bytes(apo_trainer* trainer, int32_t state, int64_t* bytes, apo_error* error);

/** Which blocks of 256 elements a rank among several keeps of each packed moment: blocks [first, first + count), of numbers that every
 *  number of ranks but one shares, are the blocks from `at` on of its codes (256 bytes each) and of its scales (a float each). */
typedef struct apo_packed_part {
    int64_t first, count, at;
} apo_packed_part;

/** How many parts there are; 0 for one rank, and where moments are f32. */
APO_API apo_status apo_trainer_packed_parts(apo_trainer* trainer, int32_t* count, apo_error* error);

APO_API apo_status apo_trainer_packed_part(apo_trainer* trainer, int32_t index, apo_packed_part* part, apo_error* error);

/** Bytes [offset, offset + bytes) of a packed moment; what one trainer gave, another of the same model takes. */
APO_API apo_status apo_trainer_read_packed(apo_trainer* trainer, int32_t state, int64_t offset, int64_t bytes, void* target,
                                           apo_error* error);

APO_API apo_status apo_trainer_write_packed(apo_trainer* trainer, int32_t state, int64_t offset, int64_t bytes, const void* source,
                                            apo_error* error);

APO_API apo_status apo_trainer_close(apo_trainer* trainer, apo_error* error);

/* ---------------------------------------------------------------- generation */

typedef struct apo_generator_options {
    int32_t max_sequences; /**< answers decoded at once */
    int32_t reserved;
    int64_t cache_tokens;  /**< KV cache size in tokens (shared prompts count once); at least one prompt and answer */
} apo_generator_options;

typedef struct apo_sampling {
    int32_t k;              /**< answers a prompt, >= 1 */
    int32_t max_new_tokens; /**< >= 1 */
    int32_t greedy;         /**< 1: the most probable token (lowest id among equals); the next fields are not read */
    int32_t top_k;          /**< 0 = all */
    double top_p;           /**< in (0, 1] */
    double temperature;     /**< > 0 */
    uint64_t seed;
    const int32_t* stop_ids; /**< (stop_count) ids that end an answer; the id is part of the answer */
    int32_t stop_count;
    int32_t reserved;
} apo_sampling;

/** Prompts to answer: n of them, packed. */
typedef struct apo_prompts {
    int32_t count;          /**< n >= 1 */
    int32_t reserved;
    const int32_t* tokens;  /**< (sum of lengths) */
    const int32_t* lengths; /**< (n) each >= 1, and length + max_new_tokens <= max_positions */
    const uint64_t* keys;   /**< (n) names a prompt's random numbers: the draw is keyed by (seed, key, answer, position) */
} apo_prompts;

/** Answers, in order of prompts, then of k. M = n * k. Log-probs are of the model itself (temperature 1, unfiltered). */
typedef struct apo_answers {
    int32_t* tokens;    /**< (M, max_new_tokens), the first lengths[i] of each row are filled */
    int32_t* lengths;   /**< (M) */
    int32_t* finish;    /**< (M) 0: a stop id, 1: cut by length */
    double* sums;       /**< (M) log-prob sums */
    float* token_logps; /**< (M, max_new_tokens) or NULL */
} apo_answers;

/** Whether an answer goes on behind a token, and why not. */
typedef enum apo_finish {
    APO_GOES_ON = -1,
    APO_STOPPED = 0,   /**< by a stop id */
    APO_CUT = 1,       /**< by length */
    APO_NOT_FINITE = 2 /**< its log-prob is NaN or Inf: weights or activations are not finite */
} apo_finish;

/** Most of apo_request.top. */
#define APO_MOST_TOP 20

/** A prompt to answer while others are answered. */
typedef struct apo_request {
    const int32_t* tokens;   /**< (length) the prompt */
    int32_t length;          /**< >= 1, and length + max_new_tokens <= max_positions */
    int32_t prompt_logps;    /**< 1: tell the log-prob of each token of the prompt but the first too, given those before it */
    uint64_t key;            /**< names its random numbers, as apo_prompts.keys */
    uint64_t group;          /**< of two groups with answers that wait for a place, the one with fewer running gets it; within a group
                                  the older request does. Prompts of apo_generate are the group UINT64_MAX */
    apo_sampling sampling;
    const int32_t* bias_ids; /**< (bias_count) different ids */
    const float* bias;       /**< (bias_count) added to their logits for the draw; log-probs are of the model without it */
    int32_t bias_count;
    int32_t top;             /**< 0 to APO_MOST_TOP: so many most probable tokens are told with each token, of equals the lowest ids first;
                                  not more than the vocabulary has */
} apo_request;

/** Tokens in the order in which they came: those of a request in order of position for each answer, the prompt's first. */
typedef struct apo_tokens {
    int32_t capacity;   /**< of the arrays, >= 1 */
    int32_t count;      /**< filled */
    int64_t* requests;  /**< (capacity) as submit numbered them */
    int32_t* answers;   /**< (capacity) of the request's k, or -1: a token of its prompt */
    int32_t* ids;       /**< (capacity) */
    int32_t* finish;    /**< (capacity) an apo_finish: with another than APO_GOES_ON the answer is over */
    float* logps;       /**< (capacity) of the model itself (temperature 1, unfiltered) */
    int32_t* tops;      /**< (capacity) filled of each row of the next two */
    int32_t* top_ids;   /**< (capacity, APO_MOST_TOP) the most probable tokens, the first one first */
    float* top_logps;   /**< (capacity, APO_MOST_TOP) the bits of logps for the same token in the same place */
} apo_tokens;

/** What a generator is doing. */
typedef struct apo_generator_state {
    int32_t requests;    /**< submitted and not over */
    int32_t running;     /**< answers that have a place */
    int32_t waiting;     /**< answers that have none yet */
    int32_t places;      /**< max_sequences */
    int64_t pages;       /**< of the KV cache */
    int64_t pages_free;
    int32_t page_tokens; /**< tokens on a page */
    int32_t reserved;
} apo_generator_state;

/** KV cache and workspace for continuous-batching generation. LM head only. adapter: of this model, or NULL for the model alone; its
 *  products run beside the model's, whose weights are not touched. */
APO_API apo_status apo_generator_create(apo_model* model, apo_adapter* adapter, const apo_generator_options* options,
                                        apo_generator** generator, apo_error* error);

/** Takes a request, whose arrays are copied, and numbers it: from 0 on, one more for each. */
APO_API apo_status apo_generator_submit(apo_generator* generator, const apo_request* request, int64_t* number, apo_error* error);

/** One step for all that has been submitted: prompts are run, or every answer that has a place gets a token. `busy` is 1 where
 *  requests are left. Requests come and go between steps; what a request's answers are does not depend on it, as with apo_generate.
 *  After a step that failed cancel all requests. */
APO_API apo_status apo_generator_step(apo_generator* generator, int32_t* busy, apo_error* error);

/** Takes tokens that steps have made, as many as there is room for. */
APO_API apo_status apo_generator_poll(apo_generator* generator, apo_tokens* tokens, apo_error* error);

/** Ends an answer of a request, or all (-1), at once: its place and its pages are free, and no token of it is told any more. What is over,
 *  or unknown, is APO_OK. */
APO_API apo_status apo_generator_cancel(apo_generator* generator, int64_t number, int32_t answer, apo_error* error);

APO_API apo_status apo_generator_state_of(apo_generator* generator, apo_generator_state* state, apo_error* error);

/** Submits all prompts and steps until they are answered; what was submitted before goes on meanwhile. An answer depends on its prompt, key, sampling and the weights alone (to rounding), not on
 *  scheduling or batch mates. */
APO_API apo_status apo_generate(apo_generator* generator, const apo_prompts* prompts, const apo_sampling* sampling,
                                apo_answers* answers, apo_progress* progress, apo_error* error);

/** What has made generation slower than it is meant to be: one line of UTF-8, NUL-terminated and cut to `bytes`, said once; empty for
 *  nothing new. */
APO_API apo_status apo_generator_notice(apo_generator* generator, char* line, int64_t bytes, apo_error* error);

APO_API apo_status apo_generator_close(apo_generator* generator, apo_error* error);

/* ---------------------------------------------------------------- memory plan */

/** Bytes by purpose, computed from shapes alone, equal to what the create calls allocate (backend: at most). */
typedef struct apo_memory_plan {
    int64_t weights;
    int64_t weights_offloaded; /**< in place of `weights`, of apo_model_options.offloaded; packed ones are not offloaded */
    int64_t adapter;      /**< an adapter's weights */
    int64_t gradients;    /**< of the model's weights or, with an adapter, of that's alone; so are master and moments */
    int64_t master;       /**< of bf16 weights, where the optimizer keeps f32 masters: 2 bytes each beside the weights */
    int64_t moments;
    int64_t offloaded;    /**< of master and moments, what lies in host memory: all or nothing */
    int64_t trainer_activations;
    int64_t trainer_workspace;
    int64_t scorer;       /**< activations and workspace of a scorer of max_tokens */
    int64_t generator;    /**< KV cache and workspace */
    int64_t backend;      /**< what a GPU's kernels and matrix library take for themselves, at most */
} apo_memory_plan;

/** Plans a model of this dtype and apo_quantize with an adapter, a trainer, a scorer of the same max_tokens and a generator; each may be
 *  NULL for none of it. device is an apo_device, which need not be there. ranks: how many share the
 *  trainer's work; the bytes are one rank's. */
APO_API apo_status apo_plan(const apo_model_config* config, int32_t dtype, int32_t quantize, int32_t device, int32_t ranks,
                            const apo_adapter_config* adapter, const apo_trainer_options* trainer,
                            const apo_generator_options* generator, apo_memory_plan* plan, apo_error* error);

#ifdef __cplusplus
}
#endif

#endif
