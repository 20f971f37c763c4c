package api

import "github.com/scrip-dev/scrip/internal/credits"

// notSupported answers operations that clients know but this product does not offer. Clients must not repeat them.
func notSupported(*call) (any, error) {
	return nil, credits.NotSupported("", "coupons, contracts, promotional entitlements, delegation and transfer are not part of Scrip")
}
