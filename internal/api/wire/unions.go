// Package wire holds the Go types of the request and response bodies of api/openapi.yaml. wire.gen.go is made from the
// contract; this file adds what the generator cannot say well: the members of unions.
//
// Response unions are sealed interfaces, so that only their variants can be put into an answer. Request unions are one
// struct with the members of all variants, so that a strict decoder sees every member; whoever decodes one checks Type
// and refuses members of the other variant.
package wire

import "github.com/oapi-codegen/nullable"

// EntitlementStateValue is a FeatureEntitlementState or a CreditEntitlementState. It is only written, never read.
type EntitlementStateValue interface{ entitlementState() }

func (FeatureEntitlementState) entitlementState() {}
func (CreditEntitlementState) entitlementState()  {}

// PackageEntitlementValue is a PackageFeatureEntitlement or a PackageCreditEntitlement. It is only written, never read.
type PackageEntitlementValue interface{ packageEntitlement() }

func (PackageFeatureEntitlement) packageEntitlement() {}
func (PackageCreditEntitlement) packageEntitlement()  {}

// PackageEntitlementCreateBody is an entitlement to add to a draft. ID names the feature or the credit type. Cadence and
// Amount are for CREDIT only (both must be sent; a null amount is left to each subscription), as is DependencyFeatureID.
type PackageEntitlementCreateBody struct {
	ID                  Slug                 `json:"id"`
	Type                EntitlementType      `json:"type"`
	Behavior            *EntitlementBehavior `json:"behavior,omitempty"`
	Description         *string              `json:"description,omitempty"`
	DisplayNameOverride *string              `json:"displayNameOverride,omitempty"`
	HasSoftLimit        *bool                `json:"hasSoftLimit,omitempty"`
	HiddenFromWidgets   []Widget             `json:"hiddenFromWidgets,omitempty"`
	IsCustom            *bool                `json:"isCustom,omitempty"`
	IsGranted           *bool                `json:"isGranted,omitempty"`
	Order               *AmountInput         `json:"order,omitempty"`

	Amount              nullable.Nullable[AmountInput] `json:"amount,omitempty"`
	Cadence             *CreditCadence                 `json:"cadence,omitempty"`
	DependencyFeatureID *Slug                          `json:"dependencyFeatureId,omitempty"`
	TrialAmount         *AmountInput                   `json:"trialAmount,omitempty"`
	Rollover            *RolloverInput                 `json:"rollover,omitempty"`
	DeficitAtReset      *DeficitAtReset                `json:"deficitAtReset,omitempty"`
	MidCycle            *MidCycle                      `json:"midCycle,omitempty"`
	CreditValue         *ChargeMoneyInput              `json:"creditValue,omitempty"`

	EnumValues                      []string      `json:"enumValues,omitempty"`
	HasUnlimitedUsage               *bool         `json:"hasUnlimitedUsage,omitempty"`
	MonthlyResetPeriodConfiguration *MonthlyReset `json:"monthlyResetPeriodConfiguration,omitempty"`
	ResetPeriod                     *ResetPeriod  `json:"resetPeriod,omitempty"`
	UsageLimit                      *int64        `json:"usageLimit,omitempty"`
	WeeklyResetPeriodConfiguration  *WeeklyReset  `json:"weeklyResetPeriodConfiguration,omitempty"`
	YearlyResetPeriodConfiguration  *YearlyReset  `json:"yearlyResetPeriodConfiguration,omitempty"`
}

// PackageEntitlementUpdateBody changes an entitlement of a draft. Absent members stay as they are; null clears where it
// is allowed. Type must be that of the entitlement. Amount to CreditValue are for CREDIT only.
type PackageEntitlementUpdateBody struct {
	Type                EntitlementType      `json:"type"`
	Behavior            *EntitlementBehavior `json:"behavior,omitempty"`
	Description         *string              `json:"description,omitempty"`
	DisplayNameOverride *string              `json:"displayNameOverride,omitempty"`
	HasSoftLimit        *bool                `json:"hasSoftLimit,omitempty"`
	HiddenFromWidgets   []Widget             `json:"hiddenFromWidgets,omitempty"`
	IsCustom            *bool                `json:"isCustom,omitempty"`
	IsGranted           *bool                `json:"isGranted,omitempty"`
	Order               *AmountInput         `json:"order,omitempty"`

	Amount              *AmountInput                        `json:"amount,omitempty"`
	Cadence             *CreditCadence                      `json:"cadence,omitempty"`
	DependencyFeatureID nullable.Nullable[Slug]             `json:"dependencyFeatureId,omitempty"`
	TrialAmount         nullable.Nullable[AmountInput]      `json:"trialAmount,omitempty"`
	Rollover            nullable.Nullable[RolloverInput]    `json:"rollover,omitempty"`
	DeficitAtReset      *DeficitAtReset                     `json:"deficitAtReset,omitempty"`
	MidCycle            *MidCycle                           `json:"midCycle,omitempty"`
	CreditValue         nullable.Nullable[ChargeMoneyInput] `json:"creditValue,omitempty"`

	EnumValues                      []string                        `json:"enumValues,omitempty"`
	HasUnlimitedUsage               *bool                           `json:"hasUnlimitedUsage,omitempty"`
	MonthlyResetPeriodConfiguration nullable.Nullable[MonthlyReset] `json:"monthlyResetPeriodConfiguration,omitempty"`
	ResetPeriod                     *ResetPeriod                    `json:"resetPeriod,omitempty"`
	UsageLimit                      nullable.Nullable[int64]        `json:"usageLimit,omitempty"`
	WeeklyResetPeriodConfiguration  nullable.Nullable[WeeklyReset]  `json:"weeklyResetPeriodConfiguration,omitempty"`
	YearlyResetPeriodConfiguration  nullable.Nullable[YearlyReset]  `json:"yearlyResetPeriodConfiguration,omitempty"`
}

// SubscriptionEntitlementBody overrides an entitlement for one subscription. Amount and Cadence are for CREDIT only and
// required there; the other optional members are for FEATURE only.
type SubscriptionEntitlementBody struct {
	ID   Slug            `json:"id"`
	Type EntitlementType `json:"type"`

	Amount  *AmountInput   `json:"amount,omitempty"`
	Cadence *CreditCadence `json:"cadence,omitempty"`

	HasSoftLimit                    *bool         `json:"hasSoftLimit,omitempty"`
	HasUnlimitedUsage               *bool         `json:"hasUnlimitedUsage,omitempty"`
	MonthlyResetPeriodConfiguration *MonthlyReset `json:"monthlyResetPeriodConfiguration,omitempty"`
	ResetPeriod                     *ResetPeriod  `json:"resetPeriod,omitempty"`
	UsageLimit                      *int64        `json:"usageLimit,omitempty"`
	WeeklyResetPeriodConfiguration  *WeeklyReset  `json:"weeklyResetPeriodConfiguration,omitempty"`
	YearlyResetPeriodConfiguration  *YearlyReset  `json:"yearlyResetPeriodConfiguration,omitempty"`
}
