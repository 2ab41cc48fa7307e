"""What answers as a model: profiles and a catalogue as data, one file a kind of provider, and wrappers round them."""
