package api

import (
	"encoding/hex"

	"github.com/scrip-dev/scrip/internal/api/wire"
	"github.com/scrip-dev/scrip/internal/credits"
	"github.com/scrip-dev/scrip/internal/engine"
	"github.com/scrip-dev/scrip/internal/ledger"
)

// rowTypes are the wire's names of ledger rows. Most are the domain's with a prefix; two differ.
var rowTypes = func() map[ledger.RowType]wire.LedgerEventType {
	names := map[ledger.RowType]wire.LedgerEventType{
		ledger.TransferSource: wire.LedgerEventTypeCREDITSCONSUMPTIONTRANSFERSOURCE,
		ledger.TransferTarget: wire.LedgerEventTypeCREDITSCONSUMPTIONTRANSFERTARGET,
	}
	for t := ledger.Granted; t <= ledger.RolledOut; t++ {
		if names[t] == "" {
			names[t] = wire.LedgerEventType("CREDITS_" + t.String())
		}
	}
	return names
}()

func (s *server) listLedger(c *call) (any, error) {
	q := c.query()
	filter := credits.LedgerFilter{
		Customer: q.required("customerId"), CreditType: q.text("currencyId"), Resource: q.text("resourceId"),
		Types: rowTypesIn(q), Grant: grantIDIn(q), Feature: q.text("featureId"),
		Source: enum[wire.LedgerSourceType, string](q, "sourceType"), Actor: actorKindIn(q),
	}
	filter.From, filter.Through = q.dates()
	page := q.page()
	if err := q.done(); err != nil {
		return nil, err
	}
	list, err := s.credits.LedgerPage(c.ctx, c.env, filter, page)
	if err != nil {
		return nil, err
	}
	data, pagination := paged(q, list, lineOut)
	return wire.LedgerRowPage{Data: data, Pagination: pagination}, nil
}

func rowTypesIn(q *query) []ledger.RowType {
	wanted := enums[wire.LedgerEventType, string](q, "eventType")
	var list []ledger.RowType
	for t, name := range rowTypes {
		for _, w := range wanted {
			if string(name) == w {
				list = append(list, t)
			}
		}
	}
	return list
}

func grantIDIn(q *query) ledger.GrantID {
	text := q.text("grantId")
	if text == "" {
		return 0
	}
	id, err := engine.ParseGrantText(text)
	if err != nil {
		q.fail("grantId", "is not the id of a grant")
	}
	return id
}

func actorKindIn(q *query) *ledger.ActorKind {
	name := enum[wire.ActorType, string](q, "actorType")
	for kind := ledger.ActorSystem; kind <= ledger.ActorCustomer; kind++ {
		if kind.String() == name {
			return &kind
		}
	}
	return nil
}

func lineOut(l *credits.LedgerLine) wire.LedgerRow {
	row := &l.LedgerRow.Row
	seq, id := int64(row.Seq), rowID(l)
	actor, money := actorOut(row.Cause.Actor), moneyOut(row.Money)
	hash, prev := hex.EncodeToString(row.Hash[:]), hex.EncodeToString(l.Prev[:])
	out := wire.LedgerRow{
		ID: &id, Seq: &seq, TxnID: &row.Cause.Txn, CustomerID: l.Key.Customer, CreditCurrencyID: l.Key.Currency,
		ResourceID: orNull(l.Key.Resource), CreditGrantID: engine.GrantText(row.Grant),
		EventType: rowTypes[row.Type], Amount: row.Amount, StartBalance: &row.Start, EndBalance: &row.End,
		Timestamp: timeOut(row.PostedAt), EventID: orNull(row.Cause.Event), EventTimestamp: timeOrNull(row.Cause.EventAt),
		FeatureID: orNull(row.Charge.Feature), MappingID: orNull(row.Charge.Mapping),
		SourceType: enumOrNull[wire.LedgerSourceType](l.Source), SourceID: orNull(l.SourceID), SourceName: orNull(l.SourceName),
		Actor: &actor, Reason: orNull(row.Cause.Reason), CostBasis: costBasis(l.Grant), Hash: &hash, PrevHash: &prev,
	}
	if row.Charge.Version != 0 {
		version := int(row.Charge.Version)
		out.MappingVersion = &version
	}
	if row.Money.Currency != "" {
		out.Money = &money
	}
	return out
}

// rowID names a row inside its environment: the transaction and the place in the pool.
func rowID(l *credits.LedgerLine) string {
	return l.Cause.Txn + "-" + l.Key.Currency + "-" + formatSeq(l.Seq)
}
