package bench

import (
	"testing"
	"time"
)

// ms answers durations of so many milliseconds.
func ms(values ...int) []time.Duration {
	all := make([]time.Duration, len(values))
	for i, v := range values {
		all[i] = time.Duration(v) * time.Millisecond
	}
	return all
}

func TestPercentile(t *testing.T) {
	// A percentile is a value that was measured: the smallest that enough of the values do not exceed.
	t.Parallel()
	hundred := make([]int, 100)
	for i := range hundred {
		hundred[i] = i + 1
	}
	tests := map[string]struct {
		sorted []time.Duration
		share  float64
		want   int
	}{
		"none":              {nil, 0.5, 0},
		"one":               {ms(7), 0.5, 7},
		"one_p99":           {ms(7), 0.99, 7},
		"two_p50":           {ms(1, 2), 0.5, 1},
		"three_p50":         {ms(1, 2, 3), 0.5, 2},
		"hundred_p50":       {ms(hundred...), 0.5, 50},
		"hundred_p99":       {ms(hundred...), 0.99, 99},
		"hundred_max":       {ms(hundred...), 1, 100},
		"hundred_and_1_p99": {ms(append(hundred, 101)...), 0.99, 100},
		"ten_p99":           {ms(1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 0.99, 10},
		"share_zero":        {ms(1, 2), 0, 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got, want := percentile(test.sorted, test.share), time.Duration(test.want)*time.Millisecond; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestLatencySortsSamples(t *testing.T) {
	// Samples need no order.
	t.Parallel()
	got := latencyOf([]sample{{took: 3 * time.Millisecond}, {took: time.Millisecond}, {took: 2500 * time.Microsecond}})
	if want := (Latency{P50: 2.5, P99: 3, P999: 3, Max: 3}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestMedian(t *testing.T) {
	// The median is the middle, or the mean of the two middle values; it leaves its input alone.
	t.Parallel()
	for _, test := range []struct {
		values []float64
		want   float64
	}{{nil, 0}, {[]float64{4}, 4}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := median(test.values); got != test.want {
			t.Errorf("median(%v) = %v, want %v", test.values, got, test.want)
		}
	}
	values := []float64{3, 1, 2}
	if median(values); values[0] != 3 {
		t.Error("median sorted its input")
	}
}

func TestSlowest(t *testing.T) {
	// The slowest part is that with the fewest answers, also when it has none; answers outside count nowhere.
	t.Parallel()
	at := func(values ...int) []sample {
		var all []sample
		for _, d := range ms(values...) {
			all = append(all, sample{at: d})
		}
		return all
	}
	for name, test := range map[string]struct {
		samples []sample
		want    float64
	}{
		"even":   {at(0, 400, 500, 999), 2 * 10 / 0.5},
		"uneven": {at(0, 100, 200, 500), 1 * 10 / 0.5},
		"empty":  {at(0, 100), 0},
		"late":   {at(0, 600, 1000, 1500), 1 * 10 / 0.5},
	} {
		if got := slowest(test.samples, time.Second, 2, 10); got != test.want {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestArrivals(t *testing.T) {
	// Arrivals follow from their seed, keep their rate, and are as uneven as those of independent callers: their number in a
	// second varies about as its root.
	t.Parallel()
	const rate, seconds = 200, 500
	a, again := arrivals{random: 5, rate: rate}, arrivals{random: 5, rate: rate}
	var perSecond [seconds]float64
	for {
		at := a.next()
		if at != again.next() {
			t.Fatal("the same seed makes other moments")
		}
		if at >= seconds*time.Second {
			break
		}
		perSecond[int(at/time.Second)]++
	}
	var sum, squares float64
	for _, n := range perSecond {
		sum += n
		squares += (n - rate) * (n - rate)
	}
	if mean, variance := sum/seconds, squares/seconds; mean < 0.97*rate || mean > 1.03*rate || variance < 0.8*rate || variance > 1.2*rate {
		t.Errorf("%v a second with variance %v, want %v of both", mean, variance, rate)
	}
}
