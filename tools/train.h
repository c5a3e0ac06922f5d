/* train.h - learns a table's start probabilities from rows packed before.
 *
 * Every decision of the coder is seen through PACK_TRACE as (slot, bit), with the
 * chunk it was made in. Then, slot by slot: of all starts (P, count) the one with
 * which the coder itself, started afresh in every chunk, would have spent the
 * fewest bits. The count says how sure the start is: where chunks differ, a low
 * one wins. Two things keep a start from believing too much of the few markets it
 * was trained on: each start is also charged for one decision either way, and the
 * count has a ceiling. What was never seen stays flat.
 *
 * Header only, and it has to be included before anything that includes
 * codec/packer_row.h. Allocates; aborts without memory. Used by train_priors and
 * by the bench, which trains on one market to pack another. */
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void train_see(const uint32_t *slot, uint32_t bit);
#define PACK_TRACE(slot, bit) train_see(slot, bit)
#include "codec/packer_row.h"

/* Ceiling of a start's count: above it, a market that was not trained on begins to
 * lose (bench_tape). */
enum { TRAIN_COUNT_MAX = 8 };

struct train_event {
	uint32_t slot, chunk, bit;
};

struct train {
	const uint32_t *slots; /* the model that is being watched */
	struct train_event *events;
	size_t count, cap;
	uint32_t chunk;     /* raise it when a chunk begins */
	uint32_t count_max; /* ceiling of a start's count */
};

static struct train *train_current; /* NULL: nobody looks */

static void train_see(const uint32_t *slot, uint32_t bit)
{
	struct train *train = train_current;
	if (!train)
		return;
	if (train->count == train->cap) {
		train->cap = train->cap ? train->cap * 2 : 1 << 20;
		train->events = realloc(train->events, train->cap * sizeof *train->events);
		if (!train->events)
			abort();
	}
	train->events[train->count++] =
	    (struct train_event){ (uint32_t)(slot - train->slots), train->chunk, bit };
}

static double train_bits(uint32_t slot, uint32_t bit)
{
	double chance = range_chance(slot) / 65536.0;
	return -log2(bit ? chance : 1 - chance);
}

static uint32_t train_start(uint32_t word)
{
	return (word & 0xfff0) << 16 | pack_prior_counts[word & 15];
}

static double train_cost(const struct train_event *events, size_t n, uint32_t word)
{
	uint32_t slot = 0, start = train_start(word);
	double bits = 0.5 * (train_bits(start, 0) + train_bits(start, 1));
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || events[i].chunk != events[i - 1].chunk)
			slot = start;
		bits += train_bits(slot, events[i].bit);
		slot = range_learn(slot, events[i].bit);
	}
	return bits;
}

static uint32_t train_word(double chance, uint32_t count)
{
	int32_t p = (int32_t)(chance * 4096);
	p = p < 1 ? 1 : p > 4095 ? 4095 : p;
	return (uint32_t)p << 4 | count;
}

/* The share of ones, over all and as the mean over chunks. */
static void train_shares(const struct train_event *events, size_t n, double *all, double *mean)
{
	double ones = 0, chunk_ones = 0, chunk_n = 0, chunks = 0, sum = 0;
	for (size_t i = 0; i < n; i++) {
		ones += events[i].bit;
		chunk_ones += events[i].bit;
		chunk_n++;
		if (i + 1 == n || events[i + 1].chunk != events[i].chunk) {
			sum += (chunk_ones + 0.4) / (chunk_n + 0.8);
			chunks++;
			chunk_ones = chunk_n = 0;
		}
	}
	*all = (ones + 0.4) / ((double)n + 0.8);
	*mean = sum / chunks;
}

static uint16_t train_best(const struct train *train, const struct train_event *events, size_t n)
{
	double all, mean, best = INFINITY;
	uint32_t word = 0;
	train_shares(events, n, &all, &mean);
	for (int share = 0; share <= 4; share++) {
		double chance = all + (mean - all) * share / 4;
		for (uint32_t count = 0; count < 16; count++) {
			if (pack_prior_counts[count] > train->count_max)
				break;
			double bits = train_cost(events, n, train_word(chance, count));
			if (bits < best) {
				best = bits;
				word = train_word(chance, count);
			}
		}
	}
	return (uint16_t)word;
}

/* The events of slot i are then at first[i] .. first[i + 1], in their order. */
static struct train_event *train_sort(const struct train *train, uint32_t n_slots, size_t *first)
{
	struct train_event *sorted = malloc((train->count + 1) * sizeof *sorted);
	if (!sorted)
		abort();
	memset(first, 0, (n_slots + 2) * sizeof *first);
	for (size_t i = 0; i < train->count; i++)
		first[train->events[i].slot + 2]++;
	for (uint32_t i = 0; i < n_slots; i++)
		first[i + 2] += first[i + 1];
	for (size_t i = 0; i < train->count; i++)
		sorted[first[train->events[i].slot + 1]++] = train->events[i];
	return sorted;
}

/* Into n_slots words, and forgets all. */
static inline void train_finish(struct train *train, uint32_t n_slots, uint16_t *words)
{
	size_t *first = malloc((n_slots + 2) * sizeof *first);
	if (!first)
		abort();
	struct train_event *sorted = train_sort(train, n_slots, first);
	for (uint32_t i = 0; i < n_slots; i++) {
		size_t n = first[i + 1] - first[i];
		words[i] = n ? train_best(train, sorted + first[i], n) : 0x8000;
	}
	free(sorted);
	free(first);
	free(train->events);
	*train = (struct train){ .count_max = train->count_max };
}
