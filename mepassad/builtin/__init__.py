"""The defaults: plugins that come with the core and are loaded like any other."""
