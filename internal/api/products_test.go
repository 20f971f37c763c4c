package api

import (
	"slices"
	"testing"
)

const productsPath = "/api/v1/products"

func TestProducts(t *testing.T) {
	// A product is made, changed, copied with its plans, archived with them and brought back.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	a.ok("POST", productsPath, `{"id":"q","displayName":"Q","description":"d","metadata":null,"multipleSubscriptions":true}`).
		want("data.description", `"d"`, "data.multipleSubscriptions", "true", "data.status", `"PUBLISHED"`, "data.metadata", "{}", "data.productSettings", "")
	a.ok("PATCH", productsPath+"/q", `{"description":null,"metadata":{"k":"v"},"multipleSubscriptions":false,"usageResetCutoffRule":{"behavior":"NEVER_RESET"},
		"productSettings":{"subscriptionCancellationTime":"IMMEDIATE","subscriptionEndSetup":"CANCEL_SUBSCRIPTION","subscriptionStartSetup":"PLAN_SELECTION","downgradePlanId":null}}`).
		want("data.description", "null", "data.metadata", `{"k":"v"}`, "data.multipleSubscriptions", "false",
			"data.productSettings.subscriptionCancellationTime", `"IMMEDIATE"`, "data.productSettings.downgradePlanId", "")
	a.ok("PATCH", productsPath+"/q", `{"displayName":"QQ"}`).want("data.displayName", `"QQ"`, "data.metadata", `{"k":"v"}`,
		"data.productSettings.subscriptionEndSetup", `"CANCEL_SUBSCRIPTION"`)
	a.ok("POST", productsPath+"/p/duplicate", `{"targetId":"copy","displayName":"Copy"}`).want("data.id", `"copy"`, "data.displayName", `"Copy"`)
	a.ok("GET", "/api/v1/plans?productId=copy", "").want("data.0.id", `"copy-basic"`, "data.0.status", `"PUBLISHED"`, "data.1", "")
	a.ok("POST", productsPath+"/copy/archive", "").want("data.status", `"ARCHIVED"`)
	a.ok("GET", "/api/v1/plans/copy-basic", "").want("data.status", `"ARCHIVED"`)
	if got := a.ok("GET", productsPath+"?status=PUBLISHED", "").ids(); !slices.Equal(got, []string{"q", "p"}) {
		t.Errorf("published are %v", got)
	}
	a.ok("POST", productsPath+"/copy/unarchive", "").want("data.status", `"PUBLISHED"`)
	a.ok("GET", "/api/v1/plans/copy-basic", "").want("data.status", `"PUBLISHED"`)
	if got := a.walk(productsPath); !slices.Equal(got, []string{"copy", "q", "p"}) {
		t.Errorf("walked %v", got)
	}
}

func TestProductRefusals(t *testing.T) {
	// What a product cannot be is refused.
	t.Parallel()
	a := newTestAPI(t)
	a.catalog()
	const bad = "InvalidArgumentError"
	a.refused(400, bad, "displayName", "POST", productsPath, `{"id":"a"}`)
	a.refused(400, bad, "multipleSubscriptions", "POST", productsPath, `{"id":"a","displayName":"A","multipleSubscriptions":"yes"}`)
	a.refused(400, bad, "multipleSubscriptions", "PATCH", productsPath+"/p", `{"multipleSubscriptions":null}`)
	a.refused(400, bad, "usageResetCutoffRule.behavior", "PATCH", productsPath+"/p", `{"usageResetCutoffRule":{"behavior":"SOMETIMES"}}`)
	a.refused(400, bad, "productSettings.subscriptionEndSetup", "PATCH", productsPath+"/p", `{"productSettings":{"subscriptionCancellationTime":"IMMEDIATE","subscriptionStartSetup":"FREE_PLAN"}}`)
	a.refused(409, "DuplicatedEntityNotAllowed", "id", "POST", productsPath, `{"id":"p","displayName":"A"}`)
	a.refused(409, "DuplicatedEntityNotAllowed", "targetId", "POST", productsPath+"/p/duplicate", `{"targetId":"p"}`)
	a.refused(400, bad, "targetId", "POST", productsPath+"/p/duplicate", `{}`)
	a.refused(404, "ProductNotFound", "", "PATCH", productsPath+"/none", `{}`)
	a.refused(404, "ProductNotFound", "", "POST", productsPath+"/none/archive", ``)
	a.refused(405, "MethodNotAllowed", "", "GET", productsPath+"/p", "") // there is no single read
}
