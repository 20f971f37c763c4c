package bench

import (
	"fmt"
	"io"
	"math"
	"strings"
)

// The plot's measures, in pixels.
const (
	plotWidth, plotHeight           = 800, 460
	plotLeft, plotRight             = 80, 45
	plotTop, plotBottom             = 50, 90
	plotTicks                       = 5 // about so many on each axis
	legendRow, legendEach, legendUp = 3, 250, 42
)

// plotColours tell lines apart on light and on dark; plotDashes tell cells of one server apart.
var (
	plotColours = []string{"#2f7ed8", "#d9622b", "#2f9e63", "#a25fd0", "#c29a1e"}
	plotDashes  = []string{"none", "6 4"}
)

// plotLine is one server in one cell.
type plotLine struct {
	name, colour, dash string
	x, y               []float64
}

// plot is throughput against table size.
type plot struct {
	lines      []plotLine
	xTop, yTop float64 // where the axes end
	b          strings.Builder
}

// WriteSVG draws throughput against table size, from zero on both axes. Equal reports give equal bytes.
func (r *Report) WriteSVG(w io.Writer) error {
	p := &plot{lines: r.plotLines()}
	for _, l := range p.lines {
		for i := range l.x {
			p.xTop, p.yTop = max(p.xTop, l.x[i]), max(p.yTop, l.y[i])
		}
	}
	database, _, _ := strings.Cut(r.Machine.Database, " (")
	p.draw(fmt.Sprintf("Events per second by events held, %s, %d cores", database, r.Machine.Cores))
	_, err := io.WriteString(w, p.b.String())
	return err
}

// plotLines answers what there is to draw.
func (r *Report) plotLines() []plotLine {
	var all []plotLine
	for i, g := range r.Growth {
		for j, c := range growthCells {
			l := plotLine{name: g.Server + ", " + c.String(), colour: plotColours[i%len(plotColours)], dash: plotDashes[j%len(plotDashes)]}
			for _, p := range g.Points {
				l.x, l.y = append(l.x, float64(p.Events)), append(l.y, p.rate(c))
			}
			all = append(all, l)
		}
	}
	return all
}

// draw writes the whole picture.
func (p *plot) draw(title string) {
	p.add(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="13">`, plotWidth, plotHeight)
	p.add("%s", `<style>.paper{fill:#fff}.ink{fill:#222}.grid{stroke:#ddd}.axis{stroke:#777}`+
		`@media (prefers-color-scheme: dark){.paper{fill:#16181c}.ink{fill:#ddd}.grid{stroke:#333}.axis{stroke:#999}}</style>`)
	p.add(`<rect class="paper" width="%d" height="%d"/>`, plotWidth, plotHeight)
	p.add(`<text class="ink" x="%d" y="28" font-size="16">%s</text>`, plotLeft, title)
	p.axes()
	for i, l := range p.lines {
		p.curve(l)
		p.legend(i, l)
	}
	p.add(`</svg>`)
}

// add writes one element.
func (p *plot) add(format string, values ...any) { fmt.Fprintf(&p.b, format+"\n", values...) }

// axes draws a grid with numbers, and the two axes over it. It rounds the ends of the axes up to a tick.
func (p *plot) axes() {
	xStep, yStep := tickStep(p.xTop), tickStep(p.yTop)
	p.xTop, p.yTop = xStep*math.Ceil(p.xTop/xStep), yStep*math.Ceil(p.yTop/yStep)
	right, bottom := plotWidth-plotRight, plotHeight-plotBottom
	for i := range ticks(p.yTop, yStep) {
		value := float64(i) * yStep
		y := p.atY(value)
		p.add(`<line class="grid" x1="%d" y1="%.1f" x2="%d" y2="%.1f"/>`, plotLeft, y, right, y)
		p.add(`<text class="ink" x="%d" y="%.1f" text-anchor="end">%s</text>`, plotLeft-8, y+4, count(value))
	}
	for i := range ticks(p.xTop, xStep) {
		value := float64(i) * xStep
		p.add(`<line class="axis" x1="%.1f" y1="%d" x2="%.1f" y2="%d"/>`, p.atX(value), bottom, p.atX(value), bottom+5)
		p.add(`<text class="ink" x="%.1f" y="%d" text-anchor="middle">%s</text>`, p.atX(value), bottom+20, count(value))
	}
	p.add(`<path class="axis" fill="none" d="M%d %dV%dH%d"/>`, plotLeft, plotTop, bottom, right)
}

// curve draws one line with its points.
func (p *plot) curve(l plotLine) {
	var points strings.Builder
	for i := range l.x {
		fmt.Fprintf(&points, "%.1f,%.1f ", p.atX(l.x[i]), p.atY(l.y[i]))
	}
	p.add(`<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" points="%s"/>`, l.colour, l.dash, strings.TrimSpace(points.String()))
	for i := range l.x {
		p.add(`<circle fill="%s" r="3" cx="%.1f" cy="%.1f"/>`, l.colour, p.atX(l.x[i]), p.atY(l.y[i]))
	}
}

// legend names a line below the plot.
func (p *plot) legend(i int, l plotLine) {
	x, y := plotLeft+i%legendRow*legendEach, plotHeight-legendUp+i/legendRow*20
	p.add(`<path stroke="%s" stroke-width="2" stroke-dasharray="%s" d="M%d %dh28"/>`, l.colour, l.dash, x, y)
	p.add(`<text class="ink" x="%d" y="%d">%s</text>`, x+36, y+4, l.name)
}

func (p *plot) atX(value float64) float64 {
	return plotLeft + value/p.xTop*(plotWidth-plotLeft-plotRight)
}

func (p *plot) atY(value float64) float64 {
	return plotHeight - plotBottom - value/p.yTop*(plotHeight-plotTop-plotBottom)
}

// tickStep answers a round distance of ticks on an axis up to top.
func tickStep(top float64) float64 {
	if top <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(top/plotTicks)))
	for _, round := range []float64{1, 2, 5} {
		if top/(round*power) <= plotTicks {
			return round * power
		}
	}
	return 10 * power
}

// ticks is how many there are, with that at zero.
func ticks(top, step float64) int { return int(math.Round(top/step)) + 1 }
