"""Our own code as functions over what JSON can hold, a module a layer, a function a group of vectors."""
