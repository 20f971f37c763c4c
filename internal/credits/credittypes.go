package credits

import (
	"context"
	"fmt"
	"reflect"
	"strings"

	"github.com/scrip-dev/scrip/internal/ledger"
)

// CreditType is a currency of credits (semantics 2). The zero ArchivedAt means active.
type CreditType struct {
	No          int64
	ID          string
	DisplayName string
	Description string // empty when there is none
	Symbol      string // empty when there is none
	Units       *Units // nil when none are set
	Metadata    map[string]string
	CreatedAt   ledger.Time
	UpdatedAt   ledger.Time
	ArchivedAt  ledger.Time
}

// Units is what one credit and several credits are called.
type Units struct{ Singular, Plural string }

// RowNumber orders credit types by creation.
func (c *CreditType) RowNumber() int64 { return c.No }

// Archived tells whether new grants and mappings are refused.
func (c *CreditType) Archived() bool { return c.ArchivedAt != 0 }

// NewCreditType is the body of CreateCreditType.
type NewCreditType struct {
	ID          string
	DisplayName string
	Description string
	Symbol      string
	Units       *Units
	Metadata    map[string]string
}

// CreditTypeUpdate changes the members that were sent.
type CreditTypeUpdate struct {
	DisplayName Patch[string]
	Description Patch[string]
	Symbol      Patch[string]
	Units       Patch[*Units]
	Metadata    Patch[map[string]string]
}

// AssociatedEntity is something that refers to a credit type.
type AssociatedEntity struct {
	ID          string
	DisplayName string
	Type        string // Plan or Addon
}

func (c *CreditType) check() error {
	var units error
	if c.Units != nil {
		units = firstError(
			validName("units.singular", c.Units.Singular, currencyNameMax),
			validName("units.plural", c.Units.Plural, currencyNameMax),
		)
	}
	return firstError(
		validID("id", c.ID),
		validName("displayName", c.DisplayName, currencyNameMax),
		validText("description", c.Description, descriptionLengthMax),
		validText("symbol", c.Symbol, currencyNameMax),
		units,
		validMetadata("metadata", c.Metadata),
	)
}

// CreateCreditType adds a credit type. Its id must be free, also of archived types: types are never deleted.
func (s *Service) CreateCreditType(ctx context.Context, env string, actor ledger.Actor, in NewCreditType) (*CreditType, error) {
	c := &CreditType{ID: in.ID, DisplayName: in.DisplayName, Description: in.Description, Symbol: in.Symbol,
		Units: in.Units, Metadata: in.Metadata}
	if err := c.check(); err != nil {
		return nil, err
	}
	err := s.editCatalog(ctx, env, Audit{Actor: actor, Action: "creditType.created", Object: in.ID}, func(e *catalogEdit) error {
		if _, taken := e.creditTypes[c.ID]; taken {
			return duplicate("credit type", c.ID)
		}
		c.CreatedAt = e.now
		return firstOf(func() error { return e.putCreditType(c) }, func() error { return e.tellCreditType(CreditTypeCreated, c, nil) })
	})
	return orNil(c, err)
}

// CreditTypes lists credit types, the newest first. Archived selects archived ones, active selects the others.
func (s *Service) CreditTypes(env string, active, archived bool, page Page) List[*CreditType] {
	var found []*CreditType
	for _, c := range s.Catalog(env).creditTypes {
		if c.Archived() && archived || !c.Archived() && active {
			found = append(found, c)
		}
	}
	return pageOf(newestFirst(found), page)
}

// CreditType returns one credit type.
func (s *Service) CreditType(env, id string) (*CreditType, error) {
	if c, ok := s.Catalog(env).CreditType(id); ok {
		return c, nil
	}
	return nil, missing("CurrencyNotFound", "custom currency", id)
}

// UpdateCreditType changes texts, which never alters history.
func (s *Service) UpdateCreditType(ctx context.Context, env string, actor ledger.Actor, id string, in CreditTypeUpdate) (*CreditType, error) {
	return s.changeCreditType(ctx, env, Audit{Actor: actor, Action: "creditType.updated", Object: id}, CreditTypeUpdated, func(_ *catalogEdit, c *CreditType) error {
		in.DisplayName.apply(&c.DisplayName)
		in.Description.apply(&c.Description)
		in.Symbol.apply(&c.Symbol)
		in.Units.apply(&c.Units)
		in.Metadata.apply(&c.Metadata)
		return c.check()
	})
}

// ArchiveCreditType refuses new grants and mappings from now on. Existing pools stay readable and burnable. It fails with
// CreditTypeInUse while an active plan or add-on refers to the type, and then lists them.
func (s *Service) ArchiveCreditType(ctx context.Context, env string, actor ledger.Actor, id string) (*CreditType, error) {
	return s.changeCreditType(ctx, env, Audit{Actor: actor, Action: "creditType.archived", Object: id}, CreditTypeArchived, func(e *catalogEdit, c *CreditType) error {
		if users := e.associated(id); len(users) > 0 {
			return Conflict("CreditTypeInUse", fmt.Sprintf("custom currency %q is still used by %s; archive or change these first", id, names(users)))
		}
		if c.ArchivedAt == 0 {
			c.ArchivedAt = e.now
		}
		return nil
	})
}

// UnarchiveCreditType makes a type usable again.
func (s *Service) UnarchiveCreditType(ctx context.Context, env string, actor ledger.Actor, id string) (*CreditType, error) {
	return s.changeCreditType(ctx, env, Audit{Actor: actor, Action: "creditType.unarchived", Object: id}, CreditTypeUnarchived, func(_ *catalogEdit, c *CreditType) error {
		c.ArchivedAt = 0
		return nil
	})
}

// AssociatedEntities lists the active plans and add-ons that refer to a credit type.
func (s *Service) AssociatedEntities(env, id string) ([]AssociatedEntity, error) {
	if _, err := s.CreditType(env, id); err != nil {
		return nil, err
	}
	return s.Catalog(env).associated(id), nil
}

// changeCreditType runs a change of one credit type and tells it, if there is anything to tell.
func (s *Service) changeCreditType(ctx context.Context, env string, audit Audit, tells MessageType, change func(*catalogEdit, *CreditType) error) (*CreditType, error) {
	var changed CreditType
	err := s.editCatalog(ctx, env, audit, func(e *catalogEdit) error {
		c, ok := e.creditTypes[audit.Object]
		if !ok {
			return missing("CurrencyNotFound", "custom currency", audit.Object)
		}
		changed = *c
		if err := change(e, &changed); err != nil {
			return err
		}
		if err := e.putCreditType(&changed); err != nil {
			return err
		}
		return e.tellCreditType(tells, &changed, c)
	})
	return orNil(&changed, err)
}

// tellCreditType writes the message about a change of a credit type, in the transaction of the change. An edit that changes
// nothing is not told.
func (e *catalogEdit) tellCreditType(t MessageType, c, before *CreditType) error {
	if before != nil {
		same := *before
		same.UpdatedAt = c.UpdatedAt
		if reflect.DeepEqual(&same, c) {
			return nil
		}
	}
	return e.service.AppendMessages(e.ctx, e.tx, e.env, NewMessage{
		Type: t, Cause: fmt.Sprintf("creditType %s %d", c.ID, e.revision), At: e.now, Stream: "credit_type " + c.ID,
		TraceID: RequestID(e.ctx), Data: CreditTypeData(c, before),
	})
}

// names writes a list of entities for an error message.
func names(users []AssociatedEntity) string {
	const shown = 10
	var b strings.Builder
	for i, u := range users {
		if i == shown {
			fmt.Fprintf(&b, " and %d more", len(users)-shown)
			break
		}
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%s %q", strings.ToLower(u.Type), u.ID)
	}
	return b.String()
}
