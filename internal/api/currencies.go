package api

import (
	"slices"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
)

func (s *server) listCustomCurrencies(c *call) (any, error) {
	q := c.query()
	statuses := enums[wire.CustomCurrencyStatus, wire.CustomCurrencyStatus](q, "status")
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	active := len(statuses) == 0 || slices.Contains(statuses, wire.CustomCurrencyStatusACTIVE)
	archived := slices.Contains(statuses, wire.CustomCurrencyStatusARCHIVED)
	data, pagination := paged(q, s.credits.CreditTypes(c.env, active, archived, page), currencyOut)
	return wire.CustomCurrencyPage{Data: data, Pagination: pagination}, nil
}

func (s *server) createCustomCurrency(c *call) (any, error) {
	var in wire.CustomCurrencyCreate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	return currencyData(s.credits.CreateCreditType(c.ctx, c.env, c.actor(), credits.NewCreditType{
		ID: in.ID, DisplayName: in.DisplayName, Description: value(in.Description), Symbol: value(in.Symbol),
		Units: unitsIn(in.Units), Metadata: in.Metadata,
	}))
}

func (s *server) updateCustomCurrency(c *call) (any, error) {
	var in wire.CustomCurrencyUpdate
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	update := credits.CreditTypeUpdate{
		DisplayName: patch(in.DisplayName), Description: patchOf(in.Description), Symbol: patchOf(in.Symbol),
		Metadata: patchOf(in.Metadata),
	}
	if in.Units != nil {
		update.Units = credits.Set(unitsIn(in.Units))
	}
	return currencyData(s.credits.UpdateCreditType(c.ctx, c.env, c.actor(), c.path("currencyId"), update))
}

func (s *server) archiveCustomCurrency(c *call) (any, error) {
	return currencyData(s.credits.ArchiveCreditType(c.ctx, c.env, c.actor(), c.path("currencyId")))
}

func (s *server) unarchiveCustomCurrency(c *call) (any, error) {
	return currencyData(s.credits.UnarchiveCreditType(c.ctx, c.env, c.actor(), c.path("currencyId")))
}

func (s *server) listCurrencyAssociatedEntities(c *call) (any, error) {
	if err := c.query().done(); err != nil {
		return nil, err
	}
	users, err := s.credits.AssociatedEntities(c.env, c.path("currencyId"))
	if err != nil {
		return nil, err
	}
	return wire.AssociatedEntityList{Data: listOut(users, func(u credits.AssociatedEntity) wire.AssociatedEntity {
		return wire.AssociatedEntity{ID: u.ID, DisplayName: u.DisplayName, Type: u.Type}
	})}, nil
}

// currencyData answers with a credit type.
func currencyData(t *credits.CreditType, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return wire.CustomCurrencyData{Data: currencyOut(t)}, nil
}

func currencyOut(t *credits.CreditType) wire.CustomCurrency {
	out := wire.CustomCurrency{
		ID: t.ID, DisplayName: t.DisplayName, Description: orNull(t.Description), Symbol: orNull(t.Symbol),
		Metadata: t.Metadata, CreatedAt: timeOut(t.CreatedAt), UpdatedAt: timeOut(t.UpdatedAt), ArchivedAt: timeOrNull(t.ArchivedAt),
	}
	if t.Units != nil {
		out.Units = &wire.CurrencyUnits{Singular: t.Units.Singular, Plural: t.Units.Plural}
	}
	return out
}

func unitsIn(u *wire.CurrencyUnits) *credits.Units {
	if u == nil {
		return nil
	}
	return &credits.Units{Singular: u.Singular, Plural: u.Plural}
}
