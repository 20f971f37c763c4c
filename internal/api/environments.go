package api

import (
	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

// listEnvironments names all environments of the installation; what is inside the others stays closed to this key.
func (s *server) listEnvironments(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	return wire.EnvironmentList{Data: listOut(s.credits.Environments(), func(e *credits.Environment) wire.Environment {
		return wire.Environment{ID: e.ID, Name: e.Name, IsCurrent: e.ID == c.env, CreatedAt: timeOut(e.CreatedAt), Clock: clockOut(s.credits.Clock(e))}
	})}, nil
}
