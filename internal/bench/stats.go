package bench

import (
	"math"
	"slices"
	"time"
)

// sample is one answered request.
type sample struct {
	at   time.Duration // when the answer was there, from the start of the measured time
	took time.Duration
}

// Latency sums up how long requests took, in milliseconds.
type Latency struct {
	P50  float64 `json:"p50Ms"`
	P99  float64 `json:"p99Ms"`
	P999 float64 `json:"p999Ms"`
	Max  float64 `json:"maxMs"`
}

// percentile answers the smallest of sorted values that at least share of them do not exceed (nearest rank): share 0.5 is
// the lower median, share 1 the largest. It answers 0 for no values.
func percentile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(share*float64(len(sorted)) - 1e-9)) // 0.99 of 100 is 99, whatever the float says
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// latencyOf sums up samples.
func latencyOf(samples []sample) Latency {
	all := make([]time.Duration, len(samples))
	for i, s := range samples {
		all[i] = s.took
	}
	slices.Sort(all)
	at := func(share float64) float64 { return millis(percentile(all, share)) }
	return Latency{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: at(1)}
}

// millis answers a duration in milliseconds.
func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median answers the middle value, or the mean of the two middle ones, and 0 for none.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// medianOf answers the median of one member of many.
func medianOf[T any](all []T, member func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, one := range all {
		values[i] = member(one)
	}
	return median(values)
}

// ratio answers a / b, or 0 when there is no b to compare with.
func ratio(a, b float64) float64 {
	if b <= 0 {
		return 0
	}
	return a / b
}

// slowest cuts length into parts of equal length and answers the events per second of the slowest.
func slowest(samples []sample, length time.Duration, parts, eventsPerRequest int) float64 {
	counts := make([]int, parts)
	for _, s := range samples {
		if i := int(int64(s.at) * int64(parts) / int64(length)); 0 <= i && i < parts {
			counts[i] += eventsPerRequest
		}
	}
	return float64(slices.Min(counts)) / (length.Seconds() / float64(parts))
}
