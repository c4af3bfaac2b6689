package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// table is a list of rows under a header, drawn as virsh does it.
type table struct {
	columns []column
	rows    [][]string
	// expendable are the titles of columns that may be left out, in this
	// order, where the terminal is too narrow for all.
	expendable []string
}

// column is a table's column.
type column struct {
	title string
	// cut says whether its cells may be shortened, and where.
	cut cut
}

type cut int

const (
	whole    cut = iota // never
	cutEnd              // what a word begins with tells more, as in a name
	cutStart            // what it ends with tells more, as in a path
)

// Blanks beside each cell, as in virsh.
const (
	blanksLeft  = " "
	blanksRight = "  "
)

// minimum is how narrow the cells of a column may become by cutting.
const minimum = 6

// narrowest is how narrow a column may become. Its title is never cut.
func (c column) narrowest() int { return max(minimum, textWidth(c.title)) }

// print draws the table. width is that of the terminal, or 0 when it does not
// matter.
func (t table) print(w io.Writer, width int) error {
	if width > 0 {
		t = t.without(width)
		t.fit(width)
	}
	var drawn bytes.Buffer
	if err := t.head().draw(&drawn); err != nil {
		return fmt.Errorf("draw table: %w", err)
	}
	if len(t.rows) > 1 {
		t.addRows(&drawn)
	}
	if len(t.rows) == 0 {
		// The library draws the line only between a header and rows.
		_, total := t.widths()
		fmt.Fprintln(&drawn, strings.Repeat("-", total))
	}
	// The library fills up every line with blanks.
	for line := range strings.Lines(drawn.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(w)
	return err
}

// head is the table with its first row alone, which is padded to the widths of
// all: the library takes longer for the rows of a big host than an admin waits, and
// they are all alike.
func (t table) head() table {
	if len(t.rows) < 2 {
		return t
	}
	widths, _ := t.widths()
	first := make([]string, len(widths))
	for i, cell := range t.rows[0] {
		first[i] = padded(cell, widths[i])
	}
	t.rows = [][]string{first}
	return t
}

// addRows draws all rows but the first, as the library does that.
func (t table) addRows(w *bytes.Buffer) {
	widths, _ := t.widths()
	for _, row := range t.rows[1:] {
		for i, cell := range row {
			w.WriteString(blanksLeft)
			w.WriteString(padded(cell, widths[i]))
			w.WriteString(blanksRight)
		}
		w.WriteByte('\n')
	}
}

// padded is a cell with blanks up to a width.
func padded(cell string, width int) string {
	return cell + strings.Repeat(" ", max(width-textWidth(cell), 0))
}

// draw renders the table without any of the library's formatting: by itself it
// wraps cells, changes headers and guesses widths.
func (t table) draw(w io.Writer) error {
	cell := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone},
		Alignment:  tw.CellAlignment{Global: tw.AlignLeft},
		Padding:    tw.CellPadding{Global: tw.Padding{Left: blanksLeft, Right: blanksRight, Overwrite: true}},
	}
	drawing := tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Symbols: tw.NewSymbolCustom("virsh").WithRow("-").WithCenter("-").WithColumn(" "),
			Settings: tw.Settings{
				Lines:      tw.Lines{ShowHeaderLine: tw.On},
				Separators: tw.SeparatorsNone,
			},
		})),
		tablewriter.WithConfig(tablewriter.Config{
			Header:   cell,
			Row:      cell,
			Behavior: tw.Behavior{TrimSpace: tw.Off},
		}),
		// The same on every terminal, and in every test.
		tablewriter.WithEastAsian(tw.Off),
	)
	titles := make([]any, len(t.columns))
	for i, c := range t.columns {
		titles[i] = c.title
	}
	drawing.Header(titles...)
	if err := drawing.Bulk(t.rows); err != nil {
		return err
	}
	return drawing.Render()
}

// fits reports whether nothing has to be cut.
func (t table) fits(width int) bool {
	_, total := t.widths()
	return width == 0 || total <= width
}

// without returns the table without the columns for which the terminal has no
// room even when all others are cut.
func (t table) without(width int) table {
	for _, title := range t.expendable {
		if t.narrowest() <= width {
			break
		}
		at := slices.IndexFunc(t.columns, func(c column) bool { return c.title == title })
		if at < 0 {
			continue
		}
		t.columns = slices.Concat(t.columns[:at], t.columns[at+1:])
		rows := make([][]string, len(t.rows))
		for i, row := range t.rows {
			rows[i] = slices.Concat(row[:at], row[at+1:])
		}
		t.rows = rows
	}
	return t
}

// narrowest is how wide the table is when all is cut that can be.
func (t table) narrowest() int {
	widths, total := t.widths()
	for i, c := range t.columns {
		if c.cut != whole {
			total -= max(0, widths[i]-c.narrowest())
		}
	}
	return total
}

// fit shortens cells of the widest columns that may be cut until the table is
// as narrow as the terminal, or can become no narrower.
func (t table) fit(width int) {
	widths, total := t.widths()
	for total > width {
		widest := -1
		for i, c := range t.columns {
			if c.cut != whole && widths[i] > c.narrowest() && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	for _, row := range t.rows {
		for i, c := range t.columns {
			row[i] = shorten(row[i], widths[i], c.cut)
		}
	}
}

// widths are the columns' widths without blanks, and that of the whole table as
// it is printed, where nothing follows the last column.
func (t table) widths() (widths []int, total int) {
	widths = make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = textWidth(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], textWidth(row[i]))
		}
		total += widths[i] + len(blanksLeft) + len(blanksRight)
	}
	return widths, total
}

// shorten cuts a cell to a width, and shows where.
func shorten(cell string, width int, where cut) string {
	if where == whole || textWidth(cell) <= width {
		return cell
	}
	runes := []rune(cell)
	// No character is wider than two columns: most of it can go at once.
	for excess := textWidth(cell) - width + 1; excess > 0 && len(runes) > 0; excess = textWidth(string(runes)) - width + 1 {
		drop := min((excess+1)/2, len(runes))
		if where == cutStart {
			runes = runes[drop:]
		} else {
			runes = runes[:len(runes)-drop]
		}
	}
	if where == cutStart {
		return "…" + string(runes)
	}
	return string(runes) + "…"
}

// textWidth is how many columns a text takes. Most texts are plain, and counting
// them is much faster than asking the library.
func textWidth(text string) int {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return twwidth.Width(text)
		}
	}
	return len(text)
}
