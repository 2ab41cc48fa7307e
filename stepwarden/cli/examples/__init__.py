"""An example site with tools like those of Atlassian, and requests that runs carry out on it."""
