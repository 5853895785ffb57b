// How a step of decoding is shared out, found on the device, for the lengths and pages are there and a CUDA graph repeats
// the same launches with other ones.
//
// Rows of one prompt that follow each other and have their first pages in common form a cluster, which reads those once. A
// unit is a run of pages and the rows that see it; an item one split of a unit. The partial result of a row in a split has a
// slot; a row's result is that of its cluster's splits and then its own, in this order.
#pragma once

#include "device.h"
#include "ops.h"
#include "platform.h"

namespace apo {
namespace cuda {

struct DecodeUnit {
    int32_t first_row, rows;
    int32_t page_begin, page_end;  // counted from the sequence's first
    int32_t first_slot;
};

struct DecodeItem {
    int32_t unit, split;
};

// The sequences as the op has them.
struct DecodeRows {
    const int32_t* pages;
    const int32_t* page_begin;
    const int32_t* lengths;
    int32_t rows, page_size, window;  // kNoWindow for none
};

struct DecodePlan {
    DecodeUnit* units;    // (2 rows): each row's own pages, then those of the cluster that it leads
    int32_t* leader;      // (rows)
    int32_t* common;      // (rows): whole pages in common with the row before
    DecodeItem* items;    // (most_items)
    int32_t* counts;      // items; pages of a split
    int32_t most_rows;    // of a cluster
    int32_t most_items, most_slots;

    APO_DEVICE int items_now() const { return counts[0]; }
    APO_DEVICE int split_pages() const { return counts[1]; }
    APO_DEVICE int splits(const DecodeUnit& unit) const {
        return (unit.page_end - unit.page_begin + split_pages() - 1) / split_pages();
    }
};

// The plan of so many rows at `memory`, decode_plan_bytes(rows). `items`: how many are wanted for a full GPU.
DecodePlan decode_plan_at(void* memory, int32_t rows, int32_t most_rows, int32_t items);
// Launches the kernel that makes it.
void make_decode_plan(CudaDevice& device, const DecodeRows& rows, const DecodePlan& plan);

}  // namespace cuda
}  // namespace apo
