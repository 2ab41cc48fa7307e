// Prints what go/types says that calls run; run by `bench.source.calls`.
package main

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
)

type item struct {
	Path     string `json:"path"`
	Line     int    `json:"line"`
	Name     string `json:"name"`
	To       string `json:"to"`
	First    int    `json:"first"`
	Last     int    `json:"last"`
	Abstract bool   `json:"abstract"`
}

func main() {
	root := os.Args[1]
	fset := token.NewFileSet()
	from := importer.ForCompiler(fset, "source", nil)
	filepath.Walk(root, func(directory string, entry os.FileInfo, err error) error {
		if err != nil || !entry.IsDir() {
			return nil
		}
		if name := entry.Name(); name == "vendor" || name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".git") {
			return filepath.SkipDir
		}
		found, err := build.ImportDir(directory, 0)
		if err != nil {
			return nil
		}
		files := []*ast.File{}
		for _, name := range append(found.GoFiles, found.TestGoFiles...) {
			if file, err := parser.ParseFile(fset, filepath.Join(directory, name), nil, 0); err == nil {
				files = append(files, file)
			}
		}
		info := &types.Info{Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}}
		config := types.Config{Importer: from, Error: func(error) {}}
		config.Check(directory, fset, files, info)
		for _, file := range files {
			ast.Inspect(file, func(node ast.Node) bool { tell(root, fset, info, node); return true })
		}
		return nil
	})
}

func tell(root string, fset *token.FileSet, info *types.Info, node ast.Node) {
	call, ok := node.(*ast.CallExpr)
	if !ok {
		return
	}
	var name *ast.Ident
	abstract := false
	switch target := call.Fun.(type) {
	case *ast.Ident:
		name = target
	case *ast.SelectorExpr:
		name = target.Sel
		if selection := info.Selections[target]; selection != nil {
			abstract = types.IsInterface(selection.Recv())
		}
	default:
		return
	}
	function, ok := info.Uses[name].(*types.Func)
	if !ok {
		return
	}
	start, to := fset.Position(call.Pos()), fset.Position(function.Pos())
	path, _ := filepath.Rel(root, start.Filename)
	inside, err := filepath.Rel(root, to.Filename)
	if err != nil || strings.HasPrefix(inside, "..") || to.Filename == "" {
		inside = ""
	}
	line, _ := json.Marshal(item{path, start.Line, name.Name, inside, to.Line, to.Line, abstract})
	fmt.Println(string(line))
}
