package credits

import "github.com/scrip-dev/scrip/internal/ledger"

// Now is the present instant of an environment, for whoever presents what depends on it.
func (s *Service) Now(env string) ledger.Time { return s.clock(env) }
