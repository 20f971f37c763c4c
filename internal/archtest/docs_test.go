package archtest

import (
	"go/ast"
	"go/token"
	"slices"
)

// selfExplaining are methods whose contract is that of a well-known interface.
var selfExplaining = []string{
	"String", "Error", "Unwrap", "Is", "MarshalJSON", "UnmarshalJSON", "MarshalText", "UnmarshalText", "Len", "Less", "Swap",
}

// documentation wants a comment on everything exported, because the contract of a thing (units, ranges, errors, who may
// call it when) cannot be read from its code. One comment may stand above a group of constants or variables.
func documentation(s source) []violation {
	if s.Syntax == nil || s.isTest() || s.isGenerated() {
		return nil
	}
	var found []violation
	missing := func(name *ast.Ident) {
		found = append(found, s.broken("documentation", s.line(name.Pos()), "%s is exported and does not state its contract", name.Name))
	}
	for _, declaration := range s.Syntax.Decls {
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			if d.Doc == nil && isContract(d) {
				missing(d.Name)
			}
		case *ast.GenDecl:
			undocumented(d, missing)
		}
	}
	return found
}

// isContract reports whether other packages can call f and would look for its documentation.
func isContract(f *ast.FuncDecl) bool {
	if !f.Name.IsExported() {
		return false
	}
	if f.Recv == nil {
		return true
	}
	return receiver(f.Recv.List[0].Type).IsExported() && !slices.Contains(selfExplaining, f.Name.Name)
}

// receiver answers the name of the type a method stands on.
func receiver(expression ast.Expr) *ast.Ident {
	switch e := expression.(type) {
	case *ast.Ident:
		return e
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.IndexListExpr:
		return receiver(e.X)
	}
	return ast.NewIdent("_")
}

// undocumented calls missing with each exported name of d that no comment covers.
func undocumented(d *ast.GenDecl, missing func(*ast.Ident)) {
	if d.Doc != nil && d.Tok != token.TYPE {
		return
	}
	for _, spec := range d.Specs {
		switch sp := spec.(type) {
		case *ast.TypeSpec:
			if sp.Name.IsExported() && sp.Doc == nil && d.Doc == nil {
				missing(sp.Name)
			}
		case *ast.ValueSpec:
			if sp.Names[0].IsExported() && sp.Doc == nil && sp.Comment == nil {
				missing(sp.Names[0])
			}
		}
	}
}
