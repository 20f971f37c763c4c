package credits

import "strings"

// currencyDefault is the fiat currency of a price that names none.
const currencyDefault = "usd"

// fiatCodes are the currencies of the wire (wire reference 3.1).
const fiatCodes = "usd aed all amd ang aud awg azn bam bbd bdt bgn bif bmd bnd bsd bwp byn bzd brl cad cdf chf cny czk dkk " +
	"dop dzd egp etb eur fjd gbp gel gip gmd gyd hkd hrk htg idr ils inr isk jmd jpy kes kgs khr kmf krw kyd kzt lbp lkr " +
	"lrd lsl mad mdl mga mkd mmk mnt mop mro mvr mwk mxn myr mzn nad ngn nok npr nzd pgk php pkr pln qar ron rsd rub rwf " +
	"sar sbd scr sek sgd sle sll sos szl thb tjs top try ttd tzs uah uzs vnd vuv wst xaf xcd yer zar zmw clp djf gnf ugx " +
	"pyg xof xpf"

// ValidFiat checks the code of a fiat currency, which is a lower-case ISO 4217 code.
func ValidFiat(field, code string) error {
	if len(code) != 3 || strings.Contains(code, " ") || !strings.Contains(fiatCodes, code) {
		return invalidf(field, "%q is not a supported currency code; use lower-case ISO 4217", clip(code))
	}
	return nil
}
