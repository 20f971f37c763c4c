package credits

import "github.com/scrip-dev/scrip/internal/ledger"

// ResponseKey names a request that may be repeated: one operation of one environment, under a key of the caller's or one
// made of the request itself.
type ResponseKey struct {
	Environment string
	Operation   string // as "POST /api/v1/customers"
	Key         string
}

// Response is what is kept of a request that may be repeated, until ExpiresAt. Status is 0 while it is under way.
type Response struct {
	Fingerprint string // of the whole request; another one under the same key is a misuse
	// EffectKey names the effect for use cases that keep keys of their own. It is stored before the effect, so that a
	// repeat after a crash names it again.
	EffectKey string
	// Holder is the attempt that acts while Status is 0. Others on any node wait for it until HeldUntil; then it is taken
	// for one that has stopped.
	Holder    string
	HeldUntil ledger.Time
	Status    int
	Body      string
	ExpiresAt ledger.Time
}
