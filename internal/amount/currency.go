package amount

// MinorDigits returns the number of decimal places of a currency's minor unit after ISO 4217: 2 for "usd", 0 for "JPY",
// 3 for "bhd". The code may be in lower or upper case; unknown codes have 2.
func MinorDigits(currency string) int {
	if len(currency) != 3 {
		return 2
	}
	var code [3]byte
	for i := range code {
		code[i] = currency[i] &^ 0x20 // upper case, for letters
	}
	switch string(code[:]) {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	}
	return 2
}
