"""Reports of threads for people: what was asked, what was found and on what evidence, in Markdown and in HTML."""
