package credits

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/scrip-dev/scrip/internal/amount"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// GrantPriorityDefault is the priority of a grant that names none, with room on both sides (semantics 4.2).
const GrantPriorityDefault = 10

// Priorities run from 0, used first, to grantPriorityMax (wire reference 4.1).
const grantPriorityMax = 100

// How a grant is paid (semantics 11.3). CollectNone is also meant when nothing is said.
const (
	CollectCharge  = "CHARGE"
	CollectInvoice = "INVOICE"
	CollectNone    = "NONE"
)

// NewGrant is a grant as a caller asks for it (semantics 4.1, 4.2).
type NewGrant struct {
	Customer    string
	CreditType  string
	Resource    string
	Amount      amount.Amount // > 0
	Type        ledger.GrantType
	DisplayName string
	Comment     string
	Reason      string
	Priority    *int32
	EffectiveAt ledger.Time // 0 means now
	ExpireAt    ledger.Time // 0 means never
	Cost        *ledger.Money
	CostBasis   *amount.Amount // price of one credit; together with Cost both must agree
	Collection  string         // CHARGE, INVOICE, NONE or empty
	Metadata    map[string]string
	Key         string // idempotency key, kept for ever; empty means that each call creates a grant
	OwnKey      string // counts when Key is empty: a key of ours, which no caller's key can equal

	Life         Span        `json:",omitzero"` // instead of ExpireAt: counted from the activation; zero means no end
	At           ledger.Time `json:",omitzero"` // as of when it is made, if that is over; 0 means now
	SourceType   string      `json:",omitempty"`
	SourceID     string      `json:",omitempty"`
	AwaitInvoice bool        `json:",omitempty"` // an invoice makes the credits usable when it is paid, not when it is issued
	Settled      bool        `json:",omitempty"` // the invoice is paid already

	// Of the collection only; they are no part of what the grant is.
	Await        bool   `json:"-"` // wait, for a few seconds at most, until the provider has answered
	Policy       string `json:"-"` // of an invoice: InvoiceIssued, InvoicePaid, or empty for the environment's
	DaysUntilDue int    `json:"-"`
	InvoicePaid  bool   `json:"-"`
}

// Grant is a grant as it stands now.
type Grant struct {
	engine.GrantRecord
	Status ledger.Status
}

// CreateGrant adds credits to a pool. What must be paid for becomes an order first, whose money is then collected. It fails
// with CustomerNotFound, CustomerIsArchived, CurrencyNotFound, CreditTypeArchived, CostMismatch, IdempotencyMismatch, or an
// invalid member. A repeat under a key is answered whatever was archived since.
func (s *Service) CreateGrant(ctx context.Context, env string, by Caller, in NewGrant) (*Grant, error) {
	cs, err := s.CustomerState(ctx, env, in.Customer)
	if err != nil {
		return nil, err
	}
	op, err := s.grantOp(env, by, cs, in)
	if err != nil {
		return nil, err
	}
	id, err := s.giveOrOrder(ctx, op, cs)
	if err != nil {
		return nil, err
	}
	return s.Grant(ctx, env, id)
}

// giveOrOrder makes a grant, by way of an order if it must be paid for.
func (s *Service) giveOrOrder(ctx context.Context, op *grantOp, cs *CustomerState) (ledger.GrantID, error) {
	if !op.mustBePaid() {
		if err := s.bindRequest(ctx, op); err != nil {
			return 0, err
		}
		err := s.do(ctx, op)
		return op.id, err
	}
	p, err := s.startOrder(ctx, op.env, op.by, cs, op.terms)
	if err != nil {
		return 0, err
	}
	if p, err = s.ApplyPayment(ctx, op.env, p.ID); err == nil && op.terms.grant.Await {
		err = s.awaitOutcome(ctx, op.env, p)
	}
	if err != nil {
		return 0, err
	}
	return p.GrantID, nil
}

// grantOp checks a request for a grant.
func (s *Service) grantOp(env string, by Caller, cs *CustomerState, in NewGrant) (*grantOp, error) {
	if err := in.check(); err != nil {
		return nil, err
	}
	grant, err := in.grant()
	if err != nil {
		return nil, err
	}
	op := &grantOp{env: env, by: by, grant: grant, refused: s.Catalog(env).refuseGrant(cs, in.CreditType),
		terms: orderTerms{grant: in, policy: in.Policy, daysUntilDue: in.DaysUntilDue, settled: in.InvoicePaid}}
	if in.Key == "" && in.OwnKey != "" {
		in.Key = "\x00" + in.OwnKey // no caller's key has a NUL
	}
	if in.At != 0 {
		op.at = min(in.At, s.clock(env))
	}
	op.in = in
	op.fingerprint, err = in.fingerprint()
	return op, err
}

// mustBePaid tells whether the grant needs money to be collected.
func (op *grantOp) mustBePaid() bool {
	collects := op.in.Collection == CollectCharge || op.in.Collection == CollectInvoice
	return collects && !op.grant.Cost.Amount.IsZero()
}

// bindRequest takes the request's key, which a refused request does not.
func (s *Service) bindRequest(ctx context.Context, op *grantOp) error {
	if op.refused != nil {
		return nil
	}
	return s.bindGrantKey(ctx, op.env, &op.in)
}

// bindGrantKey gives a caller's key to the customer, or refuses it as another customer's. A key is unique in its environment
// (semantics 4.7), and a shard knows only those of its own customers: with one shard that is everybody.
func (s *Service) bindGrantKey(ctx context.Context, env string, in *NewGrant) error {
	if in.OwnKey != "" || in.Key == "" || s.engine.Shards() == 1 {
		return nil
	}
	var owner string
	err := s.store.View(ctx, func(tx Tx) (err error) {
		owner, err = tx.GrantKeyOwner(ctx, env, in.Key)
		return err
	})
	if errors.Is(err, ErrMissing) {
		err = s.store.Update(ctx, func(tx Tx) (err error) {
			owner, err = tx.BindGrantKey(ctx, env, in.Key, in.Customer)
			return err
		})
	}
	if err == nil && owner != in.Customer {
		return mismatch("idempotencyKey")
	}
	return err
}

// refuseGrant tells why the customer can get no credits of a type, or returns nil.
func (c *Catalog) refuseGrant(cs *CustomerState, id string) *Error {
	if cs.Customer.Archived() {
		return customerArchived()
	}
	creditType, ok := c.CreditType(id)
	switch {
	case !ok:
		return missing("CurrencyNotFound", "custom currency", clip(id))
	case creditType.Archived():
		return Conflict("CreditTypeArchived", fmt.Sprintf("custom currency %q is archived and takes no new grants", id))
	}
	return nil
}

func (in *NewGrant) check() error {
	return firstError(
		validName("displayName", in.DisplayName, nameLengthMax),
		validText("comment", in.Comment, descriptionLengthMax),
		validText("reason", in.Reason, reasonLengthMax),
		validMetadata("metadata", in.Metadata),
		validText("idempotencyKey", in.Key, nameLengthMax),
		oneOf("paymentCollectionMethod", in.Collection, "", CollectCharge, CollectInvoice, CollectNone),
		oneOf("billingInformation.invoicePolicy", in.Policy, "", InvoiceIssued, InvoicePaid),
		in.checkTerm(),
		in.checkNumbers(),
	)
}

func (in *NewGrant) checkTerm() error {
	switch {
	case in.DaysUntilDue < 0 || in.DaysUntilDue > daysUntilDueMax:
		return invalidf("billingInformation.invoiceDaysUntilDue", "must be from 0 to %d", daysUntilDueMax)
	case in.InvoicePaid && in.Collection != CollectInvoice:
		return Invalid("billingInformation.isInvoicePaid", "is for a grant that is collected by INVOICE")
	}
	return nil
}

// reasonLengthMax is the seed's limit for the reason of an adjustment.
const reasonLengthMax = 200

func (in *NewGrant) checkNumbers() error {
	switch {
	case in.Amount.Sign() <= 0 || !in.Amount.InRange():
		return Invalid("amount", "must be more than 0")
	case in.Priority != nil && (*in.Priority < 0 || *in.Priority > grantPriorityMax):
		return invalidf("priority", "must be from 0 to %d; lower is used first", grantPriorityMax)
	case in.Type != 0 && in.Type != ledger.Promotional && in.Type != ledger.Paid && (in.Type != ledger.Recurring || in.OwnKey == ""):
		return Invalid("grantType", "must be PAID or PROMOTIONAL; the system makes the others")
	}
	return nil
}

// grant is what the ledger needs of the request: defaults filled in, money checked.
func (in *NewGrant) grant() (ledger.Grant, error) {
	g := ledger.Grant{
		Type: in.Type, Priority: GrantPriorityDefault, Amount: in.Amount,
		EffectiveAt: in.EffectiveAt, ExpireAt: in.ExpireAt,
	}
	if g.ExpireAt == 0 {
		g.ExpireAt = ledger.Never
	}
	if in.Priority != nil {
		g.Priority = *in.Priority
	}
	cost, err := in.cost()
	if err != nil {
		return g, err
	}
	g.Cost = cost
	free := cost.Amount.IsZero()
	if g.Type == 0 {
		g.Type = ledger.Paid
		if free {
			g.Type = ledger.Promotional
		}
	}
	if g.Type == ledger.Promotional {
		if !free {
			return g, Invalid("cost", "a PROMOTIONAL grant costs nothing")
		}
		if in.Collection != "" && in.Collection != CollectNone {
			return g, Invalid("paymentCollectionMethod", "a PROMOTIONAL grant is not paid for")
		}
		return g, nil
	}
	in.awaitMoney(&g)
	return g, nil
}

// awaitMoney says whether the credits wait for their money (semantics 11.3). An invoice is issued now. Where nothing is to
// be paid, nothing waits.
func (in *NewGrant) awaitMoney(g *ledger.Grant) {
	switch {
	case g.Cost.Amount.IsZero():
	case in.Collection == CollectCharge:
		g.Payment, g.AwaitsPayment = ledger.PaymentProcessing, true
	case in.Collection == CollectInvoice && in.Settled:
		g.Payment = ledger.PaymentPaid
	case in.Collection == CollectInvoice:
		g.Payment, g.AwaitsPayment = ledger.PaymentProcessing, in.AwaitInvoice
	}
}

// fingerprint tells a repeat of the request from another one under the same key.
func (in NewGrant) fingerprint() (uint64, error) {
	in.Key, in.OwnKey = "", ""
	return fingerprintOf(in)
}

// fingerprintOf stands for the content of a request.
func fingerprintOf(request any) (uint64, error) {
	content, err := json.Marshal(request)
	sum := sha256.Sum256(content)
	return binary.LittleEndian.Uint64(sum[:8]), err
}

// grantOp creates a grant in the writer.
type grantOp struct {
	env   string
	by    Caller
	in    NewGrant
	grant ledger.Grant
	id    ledger.GrantID
	dueBound
	at    ledger.Time // as of when it is decided; 0 means now
	terms orderTerms  // if it must be paid

	refused     *Error // by the catalogue, unless the key was used before
	fingerprint uint64
}

// Scope implements engine.Op.
func (op *grantOp) Scope() engine.Scope {
	scope := engine.Scope{Environment: op.env, Customer: op.in.Customer, Before: op.before, At: op.at}
	if op.in.Key != "" {
		scope.Key = engine.GrantKey(op.env, op.in.Key)
	}
	return scope
}

// Decide implements engine.Op.
func (op *grantOp) Decide(tx *engine.Tx) error {
	if op.refused != nil {
		return op.refused
	}
	e := tx.Entry()
	e.Kind, e.Actor, e.Request, e.Reason = engine.GrantEntry, op.by.Actor, op.by.Request, op.in.Reason
	if op.in.Key != "" {
		e.Key, e.Fingerprint = op.in.Key, op.fingerprint
	}
	if err := tx.Open(engine.PoolRef{Currency: op.in.CreditType, Resource: op.in.Resource}); err != nil {
		return err
	}
	pool, ltx := tx.Pool(0), tx.Ledger(0)
	if !op.grant.AwaitsPayment && op.in.Life != (Span{}) {
		op.grant.ExpireAt = op.in.Life.From(max(tx.Now(), pool.LastPostedAt(), op.grant.EffectiveAt))
	}
	id, err := pool.AddGrant(ltx, op.grant)
	if err != nil {
		return refusal(err)
	}
	op.id = id
	e.Texts = []engine.GrantTexts{{
		Grant: id, DisplayName: op.in.DisplayName, Comment: op.in.Comment, Reason: op.in.Reason,
		Metadata: op.in.Metadata, CollectionMethod: op.collection(), Actor: op.by.Actor,
		SourceType: op.in.SourceType, SourceID: op.in.SourceID,
	}}
	return nil
}

func (op *grantOp) collection() string {
	if op.in.Collection == "" {
		return CollectNone
	}
	return op.in.Collection
}

// Repeat implements engine.Op (semantics 4.7).
func (op *grantOp) Repeat(_ *engine.Tx, first *engine.Entry) error {
	if first.Fingerprint != op.fingerprint || len(first.Texts) == 0 {
		return mismatch("idempotencyKey")
	}
	op.id = first.Texts[0].Grant
	return nil
}

// Grant returns one grant as it stands, or CreditGrantNotFound.
func (s *Service) Grant(ctx context.Context, env string, id ledger.GrantID) (*Grant, error) {
	key, ok, err := s.engine.GrantPool(ctx, env, id)
	var record engine.GrantRecord
	if ok && err == nil {
		err = s.inTime(ctx, env, key.Customer, func(before ledger.Time) error {
			record, ok, err = s.engine.GrantByID(ctx, env, id, before)
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, NotFound(codeGrantNotFound, fmt.Sprintf("grant %q does not exist", engine.GrantText(id)))
	}
	return &Grant{GrantRecord: record, Status: record.Grant.Status(s.clock(env))}, nil
}
