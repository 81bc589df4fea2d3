WORD = "lib"
