// Models whose projections are packed: packing and reading against bitsandbytes, log-probs and gradients of QLoRA's golden base, and what
// a packed model does beside its unpacked copy.
#include <cstring>

#include "engine/quantize.h"
#include "golden_pairs.h"
#include "quantized.h"
#include "tiny_adapter.h"

using namespace apo_test;
using apo::Packing;

namespace {

apo_error& error = last_error();

void must(apo_status status) {
    if (status != APO_OK) throw std::runtime_error(error.message);
}

constexpr int32_t kQuantizations[] = {APO_QUANTIZE_NF4, APO_QUANTIZE_NF4_F32, APO_QUANTIZE_INT8};

// Of whole blocks, which a product of few rows reads packed.
apo_model_config wide() {
    apo_model_config c = tiny();
    c.hidden_size = 64, c.intermediate_size = 192, c.heads = 8;
    return c;
}

apo_model* new_model(World& world, int32_t dtype, int32_t quantize) {
    const apo_model_options options{dtype, 0, quantize, 0};
    apo_model* model = nullptr;
    must(apo_model_create(world.engine, &world.config_, &options, &model, &error));
    return model;
}

std::vector<apo_tensor_info> tensors_of_model(apo_model* model) {
    int32_t count = 0;
    must(apo_model_tensor_count(model, &count, &error));
    std::vector<apo_tensor_info> all(size_t(count), apo_tensor_info{});
    for (int32_t i = 0; i < count; i++) must(apo_model_tensor(model, i, &all[size_t(i)], &error));
    return all;
}

std::vector<float> read_all(apo_model* model, int32_t index, int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    must(apo_model_read(model, index, 0, count, values.data(), APO_F32, &error));
    return values;
}

float of_bf16(uint16_t bits) { return apo::float_of_bits(uint32_t(bits) << 16); }

// Prompts of so many tokens with two answers each.
Packs packs_of(const std::vector<int32_t>& lengths) {
    Packs packs;
    for (int32_t length : lengths) {
        std::vector<int32_t> prompt;
        for (int32_t i = 0; i < length; i++) prompt.push_back((i * 7 + 3) % 29);
        packs.add(prompt, {{1, 6, 11, 16, 21}, {2, 3}});
    }
    return packs;
}

std::vector<double> sums_of(apo_model* model, apo_adapter* adapter, const apo_batch& batch) {
    apo_scorer* scorer = nullptr;
    must(apo_scorer_create(model, adapter, 400, &scorer, &error));
    std::vector<double> sums(size_t(batch.answers));
    must(apo_scorer_logprobs(scorer, &batch, nullptr, sums.data(), nullptr, &error));
    must(apo_scorer_close(scorer, &error));
    return sums;
}

}  // namespace

TEST(packing_is_that_of_bitsandbytes) {
    const StoredTensors golden = read_stored(fixture("packing.safetensors"));
    const struct {
        const char* name;
        int64_t rows, columns;
    } cases[] = {{"whole", 96, 192}, {"blocks across rows", 40, 72}, {"outliers", 16, 320}};
    for (const auto& c : cases) {
        auto stored = [&](const char* key) -> const StoredTensor& { return golden.at(std::string(c.name) + "." + key); };
        const uint16_t* weight = stored("weight").as<uint16_t>();
        const apo::PackedArrays plain = apo::pack(Packing::nf4_f32, c.rows, c.columns, weight, apo::DType::bf16);
        CHECK(plain.codes == stored("nf4.codes").all<uint8_t>());
        CHECK(plain.scales == stored("nf4.absmax").all<float>());

        // The mean is a sum in another order: its last bits differ, and what is near a bound may have the code beside.
        const apo::PackedArrays nested = apo::pack(Packing::nf4, c.rows, c.columns, weight, apo::DType::bf16);
        CHECK(nested.codes == plain.codes);
        CHECK(nested.scale_map == stored("nested.map").all<float>());
        CHECK_CLOSE(nested.scale_offset, stored("nested.offset").as<float>()[0], 1e-6 * nested.scale_offset);
        const std::vector<uint8_t> codes = stored("nested.absmax").all<uint8_t>();
        int other = 0;
        for (size_t i = 0; i < codes.size(); i++) other += nested.scale_codes[i] != codes[i];
        CHECK(nested.scale_codes.size() == codes.size() && other <= int(codes.size() / 50));
        for (size_t i = 0; i < nested.scales.size(); i++) CHECK_CLOSE(nested.scales[i], stored("nested.nested_absmax").as<float>()[i], 1e-6);

        const apo::PackedArrays bytes = apo::pack(Packing::int8, c.rows, c.columns, weight, apo::DType::bf16);
        const int8_t* rows = stored("int8.codes").as<int8_t>();
        CHECK(int64_t(bytes.codes.size()) == c.rows * c.columns);
        for (size_t i = 0; i < bytes.codes.size(); i++) {
            if (int8_t(bytes.codes[i]) == rows[i]) continue;
            // It multiplies with a rounded inverse, and so takes either of two that are equally near.
            const double exact = 127.0 * double(of_bf16(weight[i])) / double(bytes.scales[i / size_t(c.columns)]);
            CHECK(std::fabs(exact - double(rows[i])) == 0.5 && std::fabs(exact - double(int8_t(bytes.codes[i]))) == 0.5);
        }
        CHECK(bytes.scales == stored("int8.scales").all<float>());

        // An f32 of the same value is packed alike.
        std::vector<float> wide_weight;
        for (int64_t i = 0; i < c.rows * c.columns; i++) wide_weight.push_back(of_bf16(weight[i]));
        CHECK(apo::pack(Packing::nf4, c.rows, c.columns, wide_weight.data(), apo::DType::f32).scale_codes == nested.scale_codes);
    }
}

TEST(packing_takes_the_nearest_code) {
    // Codes and the middles between them, which go down; a zero block and the smallest numbers.
    std::vector<float> weights(4 * 64);
    for (size_t i = 0; i < 16; i++) weights[i] = 0.5f * apo::kNf4[i];
    for (size_t i = 0; i < 15; i++) weights[16 + i] = 0.5f * ((apo::kNf4[i] + apo::kNf4[i + 1]) * 0.5f);
    weights[31] = -0.5f;
    weights[130] = -1e-44f;
    weights[200] = 3e38f;
    for (Packing packing : {Packing::nf4_f32, Packing::nf4}) {
        const apo::PackedArrays packed = apo::pack(packing, 4, 64, weights.data(), apo::DType::f32);
        auto code = [&](size_t i) { return i % 2 == 0 ? packed.codes[i / 2] >> 4 : packed.codes[i / 2] & 15; };
        for (size_t i = 0; i < 16; i++) CHECK(code(i) == int(i));
        for (size_t i = 0; i < 15; i++) CHECK(code(16 + i) == int(i));
        for (size_t i = 64; i < 256; i++) CHECK(code(i) == (i == 200 ? 15 : 7));
    }
    const apo::PackedArrays rows = apo::pack(Packing::int8, 4, 64, weights.data(), apo::DType::f32);
    CHECK(int8_t(rows.codes[15]) == 127 && int8_t(rows.codes[31]) == -127 && int8_t(rows.codes[7]) == 0);
    CHECK(rows.codes[64] == 0 && int8_t(rows.codes[130]) == -127 && int8_t(rows.codes[200]) == 127);
}

// What bitsandbytes has stored is read to the last bit: of whole matrices by their sums, and by the values of its own library.
TEST(golden_packed_weights_are_read_exactly) {
    on_engines([](const Backend& backend) {
        const Json golden = Json::read(fixture("lora/tiny-llama-nf4.golden.json"))["dequantised"];
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            apo_engine* engine = new apo_engine(*backend.ops, backend.open);
            apo_model* model = load_nf4_model(*engine, fixture("lora/tiny-llama-nf4"), dtype);
            size_t packed = 0;
            const std::vector<apo_tensor_info> tensors = tensors_of_model(model);
            for (size_t i = 0; i < tensors.size(); i++) {
                if (tensors[i].whole == 0) continue;
                packed++;
                const Json& expected = golden[tensors[i].name];
                const std::vector<float> values = read_all(model, int32_t(i), tensors[i].count);
                double sum = 0, sum_abs = 0;
                for (float x : values) sum += double(x), sum_abs += std::fabs(double(x));
                for (size_t j = 0; j < 8; j++) {
                    CHECK(values[j] == expected["first8"][j].number());
                    CHECK(values[values.size() - 8 + j] == expected["last8"][j].number());
                }
                // bf16 numbers of one size: their sums are exact in f64.
                CHECK(sum == expected["sum"].number() && sum_abs == expected["sum_abs"].number());
                // A part of it, from anywhere.
                std::vector<uint16_t> part(77);
                must(apo_model_read(model, int32_t(i), 1001, 77, part.data(), APO_BF16, &error));
                for (size_t j = 0; j < part.size(); j++) CHECK(of_bf16(part[j]) == values[1001 + j]);
            }
            CHECK(packed == golden.members().size());
            must(apo_model_close(model, &error));
            must(apo_engine_close(engine, &error));
        }
        const StoredTensors stored = read_stored(fixture("packing.safetensors"));
        apo_model_config config = tiny();
        config.hidden_size = 192, config.intermediate_size = 96;
        World world(backend, config);
        auto of = [&](const char* key) -> const StoredTensor& { return stored.at(std::string("whole.") + key); };
        const apo_packed_matrix plain{of("nf4.codes").as<uint8_t>(), of("nf4.absmax").as<float>(), nullptr, nullptr, 0};
        const apo_packed_matrix nested{of("nf4.codes").as<uint8_t>(), of("nested.nested_absmax").as<float>(), of("nested.absmax").as<uint8_t>(),
                                       of("nested.map").as<float>(), of("nested.offset").as<float>()[0]};
        const apo_packed_matrix bytes{of("int8.codes").as<uint8_t>(), of("int8.scales").as<float>(), nullptr, nullptr, 0};
        const struct {
            int32_t quantize;
            const apo_packed_matrix* matrix;
            const char* values;
        } kinds[] = {{APO_QUANTIZE_NF4_F32, &plain, "nf4.values"}, {APO_QUANTIZE_NF4, &nested, "nested.values"}, {APO_QUANTIZE_INT8, &bytes, "int8.values"}};
        for (const auto& kind : kinds) {
            apo_model* model = new_model(world, APO_F32, kind.quantize);
            const std::vector<apo_tensor_info> tensors = tensors_of_model(model);
            for (size_t i = 0; i < tensors.size(); i++) {
                if (std::strcmp(tensors[i].name, "model.layers.1.mlp.up_proj.weight") != 0) continue;
                must(apo_model_write_packed(model, int32_t(i), kind.matrix, &error));
                const std::vector<float> values = read_all(model, int32_t(i), tensors[i].count);
                int wrong = 0;
                for (size_t j = 0; j < values.size(); j++) wrong += values[j] != of_bf16(of(kind.values).as<uint16_t>()[j]);
                CHECK(wrong == 0);
            }
            must(apo_model_close(model, &error));
        }
    });
}

TEST(golden_qlora_log_probs_loss_and_gradient_norms) {
    on_engines([](const Backend& backend) {
        const Json json = Json::read(fixture("lora/tiny-llama-nf4.golden.json")), pairs_json = Json::read(fixture("tiny-llama.golden.json"));
        const GoldenConfig golden(fixture("lora/tiny-llama-nf4"));
        const Pairs pairs(pairs_json, true);
        for (int32_t dtype : {APO_F32, APO_BF16}) {
            apo_engine* engine = new apo_engine(*backend.ops, backend.open);
            apo_model* model = load_nf4_model(*engine, fixture("lora/tiny-llama-nf4"), dtype);
            apo_adapter* adapter = load_adapter(model, golden.config, fixture("lora/llama-all"), APO_HEAD_LM);
            const std::vector<double> on = sums_of(model, adapter, pairs.batch), off = sums_of(model, nullptr, pairs.batch);
            for (size_t i = 0; i < on.size(); i++) {
                const char* side = i % 2 == 0 ? "chosen" : "rejected";
                const double allowed = dtype == APO_F32 ? 1e-4 : 0.1 * std::sqrt(double(pairs.answer_lengths[i]));
                CHECK_CLOSE(on[i], json["logp_sums_adapter_on"][side][i / 2].number(), allowed);
                CHECK_CLOSE(off[i], json["logp_sums_adapter_off"][side][i / 2].number(), allowed);
            }
            for (int recompute : {0, 1}) {
                if (dtype != APO_F32) continue;
                const apo_trainer_options options{pairs.batch.token_count, recompute, 0, 0, 0, 0};
                apo_trainer* trainer = nullptr;
                must(apo_trainer_create(model, adapter, &options, &trainer, &error));
                std::vector<int32_t> chosen, rejected;
                for (int32_t i = 0; i < pairs.batch.packs; i++) chosen.push_back(2 * i), rejected.push_back(2 * i + 1);
                apo_pairs p{};
                p.rows = pairs.batch.packs, p.answers = pairs.batch.answers, p.chosen = chosen.data(), p.rejected = rejected.data(), p.reference_sums = off.data();
                apo_objective objective{};
                objective.kind = APO_DPO, objective.beta = json["beta"].number();
                apo_meta meta{};
                meta.mode = APO_WEIGHT_CONSTANT, meta.inputs = 1, meta.constant = 1, meta.score_scale = 1;
                std::vector<double> sums(on.size()), losses(size_t(p.rows));
                apo_pair_results results{};
                results.loss = losses.data();
                must(apo_trainer_preference(trainer, &pairs.batch, &p, &objective, &meta, 1.0 / p.rows, sums.data(), &results, nullptr, &error));
                double loss = 0, squares = 0;
                for (double l : losses) loss += l / p.rows;
                CHECK_CLOSE(loss / json["loss"].number(), 1, 1e-5);
                const std::vector<apo_tensor_info> tensors = tensors_of(adapter);
                for (size_t i = 0; i < tensors.size(); i++) {
                    std::vector<float> values(size_t(tensors[i].count));
                    must(apo_trainer_read(trainer, APO_STATE_GRADIENT, int32_t(i), 0, tensors[i].count, values.data(), &error));
                    double own = 0;
                    for (float x : values) own += double(x) * x;
                    CHECK_CLOSE(std::sqrt(own) / json["grad_norms"][kAdapterPrefix + tensors[i].name].number(), 1, 1e-5);
                    squares += own;
                }
                CHECK_CLOSE(std::sqrt(squares) / json["grad_norm"].number(), 1, 1e-5);
                must(apo_trainer_close(trainer, &error));
            }
            must(apo_adapter_close(adapter, &error));
            must(apo_model_close(model, &error));
            must(apo_engine_close(engine, &error));
        }
    });
}

TEST(a_packed_model_computes_what_its_unpacked_copy_does) {
    on_engines([](const Backend& backend) {
        for (int32_t quantize : kQuantizations) {
            for (int32_t dtype : {APO_F32, APO_BF16}) {
                World world(backend, dtype == APO_F32 ? tiny() : wide(), dtype, quantize);
                apo_model* copy = new_model(world, dtype, APO_QUANTIZE_NONE);
                must(apo_model_copy(copy, world.model, &error));
                const std::vector<apo_tensor_info> tensors = tensors_of_model(copy);
                for (size_t i = 0; i < tensors.size(); i++) {
                    CHECK(tensors[i].whole == 0);
                    CHECK(read_all(copy, int32_t(i), tensors[i].count) == read_all(world.model, int32_t(i), tensors[i].count));
                }
                apo_adapter* on_packed = random_adapter(world.model, mixed_tables());
                apo_adapter* on_copy = random_adapter(copy, mixed_tables());
                // More rows than a product of few takes: the same products, and so the same bits. Of few it is rounding.
                for (bool many : {true, false}) {
                    const Packs packs = many ? packs_of({40, 45}) : packs_of({4});
                    const apo_batch batch = packs.batch();
                    for (bool adapted : {false, true}) {
                        const std::vector<double> one = sums_of(world.model, adapted ? on_packed : nullptr, batch);
                        const std::vector<double> two = sums_of(copy, adapted ? on_copy : nullptr, batch);
                        if (many) CHECK(one == two);
                        for (size_t i = 0; i < one.size(); i++) CHECK_CLOSE(one[i], two[i], dtype == APO_F32 ? 1e-4 : 0.5);
                    }
                    if (!many) continue;
                    Training first(world.model, on_packed), second(copy, on_copy);
                    const std::vector<double> factors{0.3, -0.7, 0.2, 0.4};
                    CHECK(first.accumulate(packs, factors) == second.accumulate(packs, factors));
                    CHECK(first.read(APO_STATE_GRADIENT) == second.read(APO_STATE_GRADIENT));
                }
                must(apo_adapter_close(on_packed, &error));
                must(apo_adapter_close(on_copy, &error));
                must(apo_model_close(copy, &error));
            }
        }
    });
}

namespace {

struct Answers {
    std::vector<int32_t> tokens, lengths;
    std::vector<double> sums;
};

// Greedy answers to two prompts, k to each, of which so many are decoded at once.
Answers generate(apo_model* model, apo_adapter* adapter, int32_t k, int32_t sequences) {
    const apo_generator_options options{sequences, 0, 200};
    apo_generator* generator = nullptr;
    must(apo_generator_create(model, adapter, &options, &generator, &error));
    std::vector<int32_t> tokens = kPrompt;
    tokens.insert(tokens.end(), kOther.begin(), kOther.end());
    const int32_t lengths[2] = {int32_t(kPrompt.size()), int32_t(kOther.size())};
    const uint64_t keys[2] = {1, 2};
    const apo_prompts prompts{2, 0, tokens.data(), lengths, keys};
    apo_sampling sampling{};
    sampling.k = k, sampling.max_new_tokens = 5, sampling.greedy = 1, sampling.top_p = 1, sampling.temperature = 1;
    Answers a{std::vector<int32_t>(size_t(10 * k)), std::vector<int32_t>(size_t(2 * k)), std::vector<double>(size_t(2 * k))};
    std::vector<int32_t> finish(size_t(2 * k));
    apo_answers out{a.tokens.data(), a.lengths.data(), finish.data(), a.sums.data(), nullptr};
    must(apo_generate(generator, &prompts, &sampling, &out, nullptr, &error));
    must(apo_generator_close(generator, &error));
    return a;
}

}  // namespace

TEST(answers_of_a_packed_model_are_those_of_its_unpacked_copy) {
    on_engines([](const Backend& backend) {
        for (int32_t quantize : {APO_QUANTIZE_NF4, APO_QUANTIZE_INT8}) {
            World world(backend, wide(), APO_F32, quantize);
            apo_model* copy = new_model(world, APO_F32, APO_QUANTIZE_NONE);
            must(apo_model_copy(copy, world.model, &error));
            apo_adapter* on_packed = random_adapter(world.model, mixed_tables());
            apo_adapter* on_copy = random_adapter(copy, mixed_tables());
            // One at a time, a few, and many.
            const Answers two = generate(copy, on_copy, 9, 18);
            for (int32_t sequences : {1, 3, 18}) {
                if (sequences == 1 && quantize == APO_QUANTIZE_INT8) continue;
                const Answers one = generate(world.model, on_packed, 9, sequences);
                CHECK(one.tokens == two.tokens);
                for (size_t i = 0; i < one.sums.size(); i++) CHECK_CLOSE(one.sums[i], two.sums[i], 1e-4);
            }
            must(apo_adapter_close(on_packed, &error));
            must(apo_adapter_close(on_copy, &error));
            must(apo_model_close(copy, &error));
        }
    });
}

// transformers#31293
TEST(merging_unpacks_and_never_packs_again) {
    on_engines([](const Backend& backend) {
        for (int32_t quantize : kQuantizations) {
            World world(backend, tiny(), APO_BF16, quantize);
            apo_model* copy = new_model(world, APO_BF16, APO_QUANTIZE_NONE);
            must(apo_model_copy(copy, world.model, &error));
            apo_adapter* on_packed = random_adapter(world.model, mixed_tables());
            apo_adapter* on_copy = random_adapter(copy, mixed_tables());
            apo_model* one = new_model(world, APO_BF16, APO_QUANTIZE_NONE);
            apo_model* two = new_model(world, APO_BF16, APO_QUANTIZE_NONE);
            must(apo_model_merge(one, world.model, on_packed, &error));
            must(apo_model_merge(two, copy, on_copy, &error));
            const std::vector<apo_tensor_info> tensors = tensors_of_model(one);
            int changed = 0;
            for (size_t i = 0; i < tensors.size(); i++) {
                const std::vector<float> merged = read_all(one, int32_t(i), tensors[i].count);
                CHECK(merged == read_all(two, int32_t(i), tensors[i].count));
                changed += merged != read_all(copy, int32_t(i), tensors[i].count);
            }
            CHECK(changed == 11);  // the paths of mixed_tables
            apo_model* packed = new_model(world, APO_BF16, quantize);
            refused(apo_model_merge(packed, world.model, on_packed, &error), APO_E_ARGUMENT, "packing again");
            refused(apo_model_copy(packed, copy, &error), APO_E_ARGUMENT, "a copy packs nothing");
            must(apo_model_copy(packed, world.model, &error));
            for (size_t i = 0; i < tensors.size(); i++) CHECK(read_all(packed, int32_t(i), tensors[i].count) == read_all(copy, int32_t(i), tensors[i].count));
            must(apo_adapter_close(on_packed, &error));
            must(apo_adapter_close(on_copy, &error));
            for (apo_model* model : {copy, one, two, packed}) must(apo_model_close(model, &error));
        }
    });
}

TEST(what_a_packed_model_cannot_do_is_refused_in_words) {
    on_engines([](const Backend& backend) {
        World world(backend, tiny(), APO_F32, APO_QUANTIZE_NF4);
        apo_model* other = nullptr;
        const apo_model_options unknown{APO_F32, 0, 4, 0}, offloaded{APO_F32, 1, APO_QUANTIZE_INT8, 0};
        refused(apo_model_create(world.engine, &world.config_, &unknown, &other, &error), APO_E_ARGUMENT, "quantize is 4");
        refused(apo_model_create(world.engine, &world.config_, &offloaded, &other, &error), APO_E_ARGUMENT, "offloaded and quantize");
        apo_memory_plan plan;
        refused(apo_plan(&world.config_, APO_F32, -1, APO_CPU, 1, nullptr, nullptr, nullptr, &plan, &error), APO_E_ARGUMENT, "quantize is -1");
        apo_trainer* trainer = nullptr;
        const apo_trainer_options options{64, 0, 0, 0, 0, 0};
        refused(apo_trainer_create(world.model, nullptr, &options, &trainer, &error), APO_E_STATE, "train an adapter");

        const std::vector<apo_tensor_info> tensors = tensors_of_model(world.model);
        int32_t q = 0;
        while (tensors[size_t(q)].whole == 0) q++;
        const int64_t count = tensors[size_t(q)].count;
        const std::vector<float> before = read_all(world.model, q, count);
        std::vector<float> values(size_t(count), 0.5f);
        refused(apo_model_write(world.model, q, 0, count - 1, values.data(), APO_F32, &error), APO_E_ARGUMENT, "packed as a whole");
        refused(apo_model_write(world.model, q, 1, count, values.data(), APO_F32, &error), APO_E_ARGUMENT, "elements [1, ");
        values[5] = INFINITY;
        refused(apo_model_write(world.model, q, 0, count, values.data(), APO_F32, &error), APO_E_NUMERIC, "element 5");
        const std::vector<uint8_t> codes(static_cast<size_t>(count));
        std::vector<float> scales(size_t(count), 1.0f), map(256, 1.0f);
        refused(apo_model_write_packed(world.model, q, nullptr, &error), APO_E_ARGUMENT, "source");
        apo_packed_matrix packed{codes.data(), scales.data(), nullptr, map.data(), 0};
        refused(apo_model_write_packed(world.model, q, &packed, &error), APO_E_ARGUMENT, "scale_codes is null");
        packed.scale_codes = codes.data();
        refused(apo_model_write_packed(world.model, 0, &packed, &error), APO_E_ARGUMENT, "model.embed_tokens.weight is not packed");
        packed.scale_offset = NAN;
        refused(apo_model_write_packed(world.model, q, &packed, &error), APO_E_NUMERIC, "q_proj.weight");
        packed.scale_offset = 0, map[255] = INFINITY;
        refused(apo_model_write_packed(world.model, q, &packed, &error), APO_E_NUMERIC, "NaN or infinite");
        CHECK(read_all(world.model, q, count) == before);
    });
}
