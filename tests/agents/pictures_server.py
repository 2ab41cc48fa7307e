"""An upstream server whose tools give a picture, alone and with words."""

from mcp.server.mcpserver import Image, MCPServer
from mcp.types import ToolAnnotations

server = MCPServer("pictures")
PICTURE = Image(data=bytes(300), format="png")


@server.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
def take_screenshot() -> Image:
    """Return what is on the screen."""
    return PICTURE


@server.tool(annotations=ToolAnnotations(read_only_hint=True), structured_output=False)
def explain_picture() -> list[str | Image]:
    """Return a picture with its words."""
    return ["The image below is the logo.", PICTURE]


if __name__ == "__main__":
    server.run()
